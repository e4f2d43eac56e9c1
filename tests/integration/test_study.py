"""The study: unseen risks, a choice by its rule, and pages that say what it found."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.features import FEATURES, to_matrix
from models.scorer import Scorer
from training.bundle.graph import weigh
from training.classifiers.candidates import CANDIDATES, ENSEMBLE, KIND_OF, LEVELS, MEMBERS, TITLES, Candidate
from training.classifiers.columns import COUNT, STEPS, VesselCoding, to_codes
from training.classifiers.logistic_regression import new_classifier
from training.data.table import TABLE, Table, read_table
from training.documents.pages import CHAMPION, DOCS, make_documents
from training.evaluation.calibration_error import calibration_error, measure_calibration_error
from training.evaluation.mitigation import weigh as reweigh
from training.evaluation.subgroups import find_groups, measure_groups
from training.study.comparison import choose, compare
from training.study.original import PUBLISHED, repeat_split
from training.study.results import OF_CONSTANT, BadStudy, Study, measure_candidate
from training.study.risks import Risks, score_candidates

TABLE_READ = read_table(TABLE)
MATRIX, OUTCOME = to_matrix(TABLE_READ.rows).astype(np.float64), TABLE_READ.outcome
FAST = [candidate for candidate in CANDIDATES if candidate.name in (*MEMBERS, "dummy", "boosting")]


@pytest.fixture(scope="module")
def risks() -> Risks:
    """Unseen risks of a tiny study, on every second patient."""
    return score_candidates(MATRIX[::2], OUTCOME[::2], candidates=FAST, repeats=1, cuts=2, trials=1, jobs=1)


@pytest.mark.parametrize("name", sorted(make_documents()))
def test_a_page_is_what_the_code_makes_of_the_figures(name: str) -> None:
    assert (DOCS / name).read_text() == make_documents()[name], "run `python -m training documents`"


def test_the_released_model_is_the_one_that_the_study_chose() -> None:
    study, card = Study.read(), Scorer.load(CHAMPION).card
    assert study.table_sha256 == TABLE_READ.sha256 == card.training.sha256
    for name, metric in study.results[study.choice.chosen].metrics.items():
        assert card.metrics[name].value == pytest.approx(metric.value, abs=2e-4)


def test_the_study_holds_every_candidate_with_intervals_around_its_values() -> None:
    study = Study.read()
    assert study.results.keys() == TITLES.keys() == KIND_OF.keys()
    assert study.differences.keys() == TITLES.keys() - {study.choice.chosen}
    for result in study.results.values():
        assert all(metric.low <= metric.value <= metric.high and metric.n == 303 for metric in result.metrics.values())


def test_every_candidate_scores_every_patient_unseen(risks: Risks) -> None:
    assert risks.keys() == {*(candidate.name for candidate in FAST), ENSEMBLE}
    assert all(np.isfinite(risk).all() and ((risk > 0) & (risk < 1)).all() for risk in risks.values())
    assert np.array_equal(risks[ENSEMBLE], np.mean([risks[name] for name in MEMBERS], axis=0))


def test_a_candidate_learns_from_no_patient_that_it_scores() -> None:
    """One that answers with what it has learned of a patient would be right each time; unseen, it cannot know."""

    class Parrot:
        """Says what it was told of a patient, and a half of one that it has not met."""

        def fit(self, matrix: NDArray[np.float64], outcome: NDArray[np.bool_]) -> "Parrot":
            self.told = {row.tobytes(): float(found) for row, found in zip(matrix, outcome, strict=True)}
            return self

        def predict_proba(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.array([[0, self.told.get(row.tobytes(), 0.5)] for row in matrix])

    parrot = Candidate("dummy", "constant", "parrot", lambda *_: Parrot())
    assert set(score_candidates(MATRIX, OUTCOME, candidates=[parrot], jobs=1)["dummy"].ravel()) == {0.5}


def test_the_same_seeds_give_the_same_risks(risks: Risks) -> None:
    some = [candidate for candidate in FAST if candidate.name in ("boosting", "svm")]
    again = score_candidates(MATRIX[::2], OUTCOME[::2], candidates=some, repeats=1, cuts=2, trials=1, jobs=1)
    assert all(np.array_equal(again[name], risks[name]) for name in ("boosting", "svm"))


def made_risks(outcome: NDArray[np.bool_], **noise: float) -> Risks:
    """Return risks that are the more wrong, the more noise a candidate has."""
    random = np.random.default_rng(0)
    margin, shared = np.where(outcome, 1.5, -1.5), random.normal(0, 1, len(outcome))
    return {
        name: (1 / (1 + np.exp(-(margin + shared + size * random.normal(0, 1, len(outcome))))))[None]
        for name, size in noise.items()
    }


@pytest.mark.parametrize(
    ("noise", "lowest", "chosen"),
    [
        ({"logistic": 0.02, "forest": 0.0, "boosting": 0.02}, "forest", "logistic"),
        ({"logistic": 3.0, "forest": 0.0, "boosting": 0.02}, "forest", "forest"),
        ({"logistic": 0.02, "stepped": 0.0, "svm": 3.0}, "stepped", "stepped"),
    ],
)
def test_the_simplest_kind_that_is_as_good_as_the_best_is_chosen(
    noise: dict[str, float], lowest: str, chosen: str
) -> None:
    made = made_risks(OUTCOME, **noise)
    choice = choose(OUTCOME, made)
    losses = {name: -np.log(np.where(OUTCOME, risk, 1 - risk))[0] for name, risk in made.items()}
    assert choice.lowest == lowest == min(losses, key=lambda name: losses[name].mean())
    behind = {name: loss - losses[lowest] for name, loss in losses.items()}
    for name, (far, error) in choice.behind.items():
        assert far == pytest.approx(behind[name].mean(), abs=1e-4)
        assert error == pytest.approx(behind[name].std(ddof=1) / 303**0.5, abs=1e-4)
    assert choice.chosen == chosen
    assert sum(choice.chosen_in_resamples.values()) == pytest.approx(1)
    assert compare(OUTCOME, made, chosen).keys() == noise.keys() - {chosen}


def test_one_risk_for_everyone_has_only_the_metrics_that_make_sense(risks: Risks) -> None:
    half = Table(TABLE_READ.rows[::2], OUTCOME[::2], "")
    assert tuple(measure_candidate("dummy", half, risks).metrics) == OF_CONSTANT


def test_the_calibration_error_is_the_mean_distance_between_risk_and_outcome_over_tenths() -> None:
    risk, outcome = np.repeat([0.1, 0.9], 50), np.arange(100) % 5 == 0
    assert calibration_error(outcome, risk, np.ones((2, 100))) == pytest.approx([0.4, 0.4])
    told = measure_calibration_error(
        np.random.default_rng(1).random(303) < (even := np.linspace(0.02, 0.98, 303)), even[None]
    )
    assert 0.03 < told.floor_mean < told.floor_95 < 0.1


def test_the_originals_scheme_is_split_and_scored_as_it_says() -> None:
    told = repeat_split(MATRIX, OUTCOME, splits=2, jobs=1)
    assert told.keys() == PUBLISHED.keys()
    assert told["accuracy"].scheme.n == 2
    assert (told["accuracy"].scheme.value * 112) == pytest.approx(round(told["accuracy"].scheme.value * 112), abs=0.02)
    assert told["accuracy"].reached.low <= told["accuracy"].reached.value <= told["accuracy"].reached.high


def test_codes_are_those_of_heart_csv() -> None:
    rows = [
        tuple(4 if i == 11 and v is None else 0 if i == 12 and v is None else v for i, v in enumerate(row))
        for row in TABLE_READ.rows
    ]
    expected = np.array(rows, dtype=np.float64)[:, [0, 3, 7, 9, 1, 2, 5, 6, 8, 10, 11, 12]]
    assert to_codes(MATRIX) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("levels", [COUNT, STEPS])
def test_vessels_that_were_not_counted_add_nothing(levels: tuple[tuple[float, ...], ...]) -> None:
    coded = VesselCoding(levels).fit_transform(MATRIX)[:, -len(levels[0]) :]
    missing = MATRIX[:, [FEATURES.index(f"ca={name}") for name in ("none", "one", "two", "three")]].sum(axis=1) == 0
    assert (coded[missing] == 0).all()
    assert coded.mean(axis=0) == pytest.approx(0)
    ordered = [
        np.unique(coded[~missing & (MATRIX[:, FEATURES.index(f"ca={name}")] == 1)], axis=0)
        for name in ("none", "one", "two")
    ]
    assert all((fewer <= more).all() and (fewer < more).any() for fewer, more in pairwise(ordered))


@pytest.mark.parametrize("name", LEVELS)
def test_every_logistic_regression_is_a_sum_over_the_columns(name: str) -> None:
    model = new_classifier(0, LEVELS[name]).fit(MATRIX, OUTCOME)
    arrays = weigh(model, MATRIX.mean(axis=0))
    told = (
        (MATRIX @ arrays["weights"].astype(float)).sum(axis=1)
        - arrays["usual"].astype(float).sum()
        + arrays["baseline"]
    )
    assert told == pytest.approx(model.decision_function(MATRIX), abs=1e-7)


def test_groups_are_disjoint_and_their_gaps_are_differences() -> None:
    groups = find_groups(MATRIX)
    assert (groups["male"] ^ groups["female"]).all()
    told, gaps = measure_groups(MATRIX, OUTCOME, np.where(OUTCOME, 0.6, 0.4)[None] + MATRIX[:, :1].T / 1000)
    assert told["male"].patients == groups["male"].sum() == 206
    for metric, gap in gaps["sex"].items():
        assert gap.value == pytest.approx(
            told["male"].metrics[metric].value - told["female"].metrics[metric].value, abs=2e-4
        )


def test_weights_make_sex_and_disease_independent() -> None:
    men = find_groups(MATRIX)["male"]
    weights = reweigh(men, OUTCOME)
    shares = [np.average(OUTCOME[sex], weights=weights[sex]) for sex in (men, ~men)]
    assert shares == pytest.approx([OUTCOME.mean(), OUTCOME.mean()])


@pytest.mark.parametrize("spoil", [lambda text: text[: len(text) // 2], lambda _: "{}"])
def test_a_study_that_is_cut_off_is_refused(spoil: object, tmp_path: Path) -> None:
    assert callable(spoil)
    (tmp_path / "study.json").write_text(spoil(json.dumps(Study.read().model_dump(mode="json"))))
    for path in (tmp_path / "study.json", tmp_path / "none.json"):
        with pytest.raises(BadStudy, match="python -m training study"):
            Study.read(path)
