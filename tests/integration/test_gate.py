"""The gate: what is not fit to be released is refused with the reason, and the bundle before it is unharmed."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.schema.patient import COLUMNS
from models.bundle import read_card
from models.card import MODEL_FILE
from models.features import FEATURES, to_matrix
from models.scorer import Scorer, open_session
from training.__main__ import main
from training.bundle.checks import ReleaseRefused, check_behaviour, check_parity, check_quality, check_repeats
from training.bundle.graph import to_onnx
from training.bundle.release import find_champion, fit, release
from training.classifiers.columns import STEPS
from training.data.table import TABLE, read_table
from training.study.results import STUDY, Study

CHAMPION = Path(__file__).parents[2] / "models" / "champion"
TABLE_READ = read_table(TABLE)
VESSELS = [place for place, feature in enumerate(FEATURES) if feature.startswith("ca=")]


def make_scorer(model: bytes) -> Scorer:
    """Return the scorer of this model, as the gate is given it, with the champion's card."""
    return Scorer(read_card(CHAMPION), open_session(model))


def test_a_study_of_another_table_is_refused(tmp_path: Path) -> None:
    other = replace(TABLE_READ, sha256="0" * 64)
    with pytest.raises(ReleaseRefused, match="of another table"):
        release(other, Study.read(), None, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_choice_that_has_no_graph_is_refused(tmp_path: Path) -> None:
    study = Study.read()
    forest = study.model_copy(update={"choice": study.choice.model_copy(update={"chosen": "forest"})})
    with pytest.raises(ReleaseRefused, match="study chose forest, and only"):
        release(TABLE_READ, forest, None, tmp_path / "bundle")


def test_a_model_by_which_three_vessels_score_below_two_is_refused() -> None:
    """It is the one that was released before: one column for each number of vessels."""
    scorer = make_scorer(fit(TABLE_READ, None)[1])
    with pytest.raises(ReleaseRefused, match="misbehaves: ca three scores below ca two for 303 of 303 patients"):
        check_behaviour(scorer, TABLE_READ.rows)


def test_a_model_with_the_disease_inverted_is_refused_with_every_fault() -> None:
    inverted = replace(TABLE_READ, outcome=~TABLE_READ.outcome)
    scorer = make_scorer(fit(inverted, STEPS)[1])
    with pytest.raises(ReleaseRefused, match="thal reversible does not score above thal normal") as refusal:
        check_behaviour(scorer, TABLE_READ.rows)
    assert "every sign scores 0.0" in str(refusal.value)


def test_a_model_that_is_not_the_classifier_is_refused() -> None:
    """An export that errs without a word, and only on patients without `ca`: every risk of the others is right."""
    classifier, _ = fit(TABLE_READ, STEPS)
    matrix = to_matrix(TABLE_READ.rows).astype(np.float64)

    class Wrong:
        """Says what the classifier says, but something else of patients whose vessels were not counted."""

        def decision_function(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
            said: NDArray[np.float64] = classifier.decision_function(columns)
            wrong: NDArray[np.float64] = said + 0.001 * (1 - columns[:, VESSELS].sum(axis=1))
            return wrong

    scorer = make_scorer(to_onnx(Wrong(), matrix.mean(axis=0)))
    known = [row for row in TABLE_READ.rows if row[COLUMNS.index("ca")] is not None]
    exact = classifier.predict_proba(to_matrix(known).astype(np.float64))[:, 1]
    assert scorer.risk(to_matrix(known)) == pytest.approx(exact, abs=1e-8)
    with pytest.raises(ReleaseRefused, match="from scikit-learn's"):
        check_parity(scorer, classifier, TABLE_READ.rows)


def test_two_fits_that_differ_are_refused() -> None:
    with pytest.raises(ReleaseRefused, match="gave different models"):
        check_repeats(b"one", b"other")


@pytest.mark.parametrize(
    ("name", "by", "sentence"),
    [
        ("roc_auc", -0.05, "roc_auc is 0.8632, and the champion's interval 0.8801"),
        ("log_loss", 0.1, "log_loss is 0.4694, and the champion's interval"),
        ("log_loss", -0.1, "and the study has 0.3694"),
    ],
)
def test_a_model_that_is_worse_than_the_champion_or_unlike_the_study_is_refused(
    name: str, by: float, sentence: str
) -> None:
    champion = read_card(CHAMPION)
    measured = champion.metrics[name]
    worse = champion.metrics | {name: measured.model_copy(update={"value": round(measured.value + by, 4)})}
    with pytest.raises(ReleaseRefused, match=sentence):
        check_quality(worse, Study.read(), champion)
    check_quality(champion.metrics, Study.read(), champion)


def test_a_half_written_bundle_is_no_champion(tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(CHAMPION, tmp_path / "bundle"))
    assert find_champion(bundle) == read_card(CHAMPION)
    (bundle / MODEL_FILE).write_bytes((CHAMPION / MODEL_FILE).read_bytes()[:-9])
    assert find_champion(bundle) is None
    assert find_champion(tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda text: "\n".join(line.partition(",")[2] for line in text.splitlines()), "must have the columns"),
        (lambda text: text.replace("63,1,3,145", "63,1,9,145"), "line 2, column cp: must be one of"),
        (lambda text: text + text.splitlines()[1] + "\n", "repeats an earlier line"),
        (lambda text: text[:-2] + str(1 - int(text[-2])) + "\n", "study was made of another table"),
    ],
)
def test_a_bad_table_stops_the_command_and_leaves_the_bundle(
    spoil: object, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(spoil)
    (tmp_path / "bad.csv").write_text(spoil(TABLE.read_text()))
    bundle = Path(shutil.copytree(CHAMPION, tmp_path / "bundle"))
    command = ["release", "--table", str(tmp_path / "bad.csv"), "--study", str(STUDY), "--out", str(bundle)]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert sentence in said
    assert [path.read_bytes() for path in sorted(bundle.iterdir())] == [
        path.read_bytes() for path in sorted(CHAMPION.iterdir())
    ]
