"""What the released model says beside the risk: its conformal set, its warnings, and how the risk comes about."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from core.schema.field import Measure
from core.schema.patient import COLUMNS, EXAMPLE, Patient, Row, fields_of_patient
from core.schema.score import Explanation, Score, scores_from_rows
from models.features import to_matrix
from models.scorer import Scorer
from tests.patients import ROWS
from training.data.table import TABLE, read_table

SCORER = Scorer.load(Path(__file__).parents[2] / "models" / "champion")
FIELDS = SCORER.card.fields
MEASURES = [name for name, field in fields_of_patient().items() if isinstance(field, Measure)]


def score(*rows: Row, explain: bool = False) -> list[Score]:
    """Return the scores of the patients, as a caller reads them."""
    return scores_from_rows(SCORER.score(to_matrix(rows), explain=explain), SCORER.version)


def explain(**changes: object) -> Explanation:
    """Return the explanation of the example patient's score, after these changes."""
    [scored] = score(Patient.model_validate({**EXAMPLE, **changes}).to_row(), explain=True)
    assert scored.explanation
    return scored.explanation


@given(ROWS)
def test_the_contributions_sum_to_the_log_odds_of_the_risk(rows: list[Row]) -> None:
    for one in score(*rows, explain=True):
        why = one.explanation
        assert why
        assert tuple(why.contributions) == COLUMNS
        assert why.baseline + math.fsum(why.contributions.values()) == pytest.approx(why.log_odds, abs=1e-6)
        assert 1 / (1 + math.exp(-why.log_odds)) == pytest.approx(one.risk, abs=1e-8)


@given(ROWS)
def test_an_explained_score_is_the_same_score(rows: list[Row]) -> None:
    for plain, explained in zip(score(*rows), score(*rows, explain=True), strict=True):
        assert (plain.risk, plain.prediction, plain.conformal, plain.warnings) == (
            explained.risk,
            explained.prediction,
            explained.conformal,
            explained.warnings,
        )
        assert plain.explanation is None


def test_a_contribution_is_what_its_field_alone_makes_of_the_log_odds() -> None:
    before, after = explain(thal="normal"), explain(thal="reversible")
    moved = {name for name in COLUMNS if before.contributions[name] != after.contributions[name]}
    assert moved == {"thal"}
    more = after.contributions["thal"] - before.contributions["thal"]
    assert after.log_odds - before.log_odds == pytest.approx(more, abs=1e-8)


def test_the_contributions_of_the_training_patients_are_nothing_on_average() -> None:
    """It is their mean that the others are compared with."""
    told = [one.explanation for one in score(*read_table(TABLE).rows, explain=True)]
    for name in COLUMNS:
        assert np.mean([why.contributions[name] for why in told if why]) == pytest.approx(0, abs=1e-8)


def test_cholesterol_contributes_nothing() -> None:
    assert {explain(chol=chol).contributions["chol"] for chol in (100, 300, None)} == {0}


@pytest.mark.parametrize("name", ["ca", "thal"])
def test_what_was_not_measured_contributes_what_the_mean_patient_had_of_it(name: str) -> None:
    """Its columns are all 0: what is missing is the mean patient's share, which is not nothing."""
    field, told = fields_of_patient()[name], explain(**{name: None})
    assert not isinstance(field, Measure)
    weights = {code: explain(**{name: code}).contributions[name] - told.contributions[name] for code in field.names}
    column = COLUMNS.index(name)
    codes = [row[column] for row in read_table(TABLE).rows]
    mean = sum(weights[int(code)] for code in codes if code is not None) / len(codes)
    assert told.contributions[name] == pytest.approx(-mean, abs=1e-6)


@given(ROWS)
def test_the_conformal_set_is_what_the_card_says(rows: list[Row]) -> None:
    bounds = SCORER.card.conformal
    for one in score(*rows):
        assert ("disease" in one.conformal) == (one.risk >= bounds.disease_at_least)
        assert ("no disease" in one.conformal) == (one.risk <= bounds.no_disease_at_most)


def test_a_label_is_ruled_out_beyond_its_bound_and_not_at_it() -> None:
    bounds = SCORER.card.conformal.model_copy(update={"disease_at_least": 0.3, "no_disease_at_most": 0.6})
    risks = [0.1, math.nextafter(0.3, 0), 0.3, 0.6, math.nextafter(0.6, 1), 0.9]
    assert bounds.rule_out(np.array(risks)).tolist() == [1, 1, 0, 0, 2, 2]


def test_bounds_that_leave_a_gap_rule_both_out_in_it() -> None:
    bounds = SCORER.card.conformal.model_copy(update={"disease_at_least": 0.7, "no_disease_at_most": 0.4})
    assert bounds.rule_out(np.array([0.4, 0.5, 0.7])).tolist() == [1, 3, 2]


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("above", [False, True])
def test_outside_the_trained_range_a_measure_that_is_used_is_warned_of(name: str, above: bool) -> None:
    bounds = FIELDS[name].trained_range
    assert bounds
    outside = np.nextafter(np.float32(bounds[above]), np.float32(math.inf if above else -math.inf))
    rows = [Patient.model_validate(EXAMPLE | {name: float(value)}).to_row() for value in (bounds[above], outside)]
    told = [one.warnings for one in score(*rows)]
    assert told == [(), (f"extrapolating: {name}",) if FIELDS[name].used else ()]


@given(ROWS)
def test_warnings_name_each_measure_outside_its_range_and_no_other(rows: list[Row]) -> None:
    for row, one in zip(rows, score(*rows), strict=True):
        expected = []
        for name, value in zip(COLUMNS, row, strict=True):
            low, high = map(np.float32, FIELDS[name].trained_range or (-math.inf, math.inf))
            if FIELDS[name].used and value is not None and not low <= np.float32(value) <= high:
                expected.append(f"extrapolating: {name}")
        assert list(one.warnings) == expected


def test_the_coverage_is_near_what_the_sets_promise() -> None:
    metrics, level = SCORER.card.metrics, SCORER.card.conformal.level
    for name in ("coverage_disease", "coverage_no_disease", "coverage_female", "coverage_male"):
        assert metrics[name].low <= level <= metrics[name].high
        assert metrics[name].value >= 0.88
    assert metrics["coverage_disease"].n + metrics["coverage_no_disease"].n == metrics["mean_set_size"].n
    assert metrics["mean_set_size"].value <= 1.2
