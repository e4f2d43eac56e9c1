"""The released ONNX model says what scikit-learn says; and the gate refuses one that does not."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from core.schema.patient import COLUMNS, Patient, Row
from models.card import CARD_FILE
from models.features import to_matrix
from models.scorer import Scorer
from training.bundle.checks import PATIENTS, SEED, ReleaseRefused, check_parity, check_terms
from training.bundle.graph import to_onnx
from training.bundle.release import publish
from training.classifiers.candidates import LEVELS
from training.classifiers.logistic_regression import new_classifier
from training.data.jitter import jitter
from training.data.table import TABLE, Table, read_table
from training.study.results import Study

CHAMPION = Path(__file__).parents[2] / "models" / "champion"


@pytest.fixture(scope="module")
def table() -> Table:
    """The training table."""
    return read_table(TABLE)


@pytest.fixture(scope="module")
def classifier(table: Table) -> Pipeline:
    """The released classifier, as scikit-learn fits it."""
    return new_classifier(0, LEVELS[Study.read().choice.chosen]).fit(
        to_matrix(table.rows).astype(np.float64), table.outcome
    )


def mean_of(rows: Sequence[Row]) -> NDArray[np.float64]:
    """Return the mean of each column over the patients."""
    mean: NDArray[np.float64] = to_matrix(rows).mean(axis=0, dtype=np.float64)
    return mean


@pytest.fixture(scope="module")
def wrong(table: Table) -> Pipeline:
    """Another classifier: fitted to all patients but the last."""
    return new_classifier(0, LEVELS[Study.read().choice.chosen]).fit(
        to_matrix(table.rows[:-1]).astype(np.float64), table.outcome[:-1]
    )


def test_the_released_model_agrees_with_scikit_learn_on_100_000_patients(classifier: Pipeline, table: Table) -> None:
    assert check_parity(Scorer.load(CHAMPION), classifier, table.rows) <= 1e-6


def test_the_terms_of_the_released_model_are_those_of_scikit_learns_log_odds(
    classifier: Pipeline, table: Table
) -> None:
    assert check_terms(Scorer.load(CHAMPION), classifier, table.rows) <= 1e-6


def test_a_model_of_another_classifier_is_refused(wrong: Pipeline, table: Table) -> None:
    with pytest.raises(ReleaseRefused, match=r"risk is up to .* from scikit-learn's"):
        check_parity(Scorer.load(CHAMPION), wrong, table.rows)


def test_terms_against_another_patient_are_refused_though_the_risks_are_right(
    classifier: Pipeline, table: Table, tmp_path: Path
) -> None:
    model = to_onnx(classifier, mean_of(table.rows[:-1]))
    card = Scorer.load(CHAMPION).card.model_copy(update={"model_sha256": hashlib.sha256(model).hexdigest()})
    with pytest.raises(ReleaseRefused, match="log-odds, or their terms, are up to"):
        publish(model, card, classifier, table, tmp_path / "bundle")


def test_a_decision_on_the_other_side_is_refused_however_small_the_difference(
    classifier: Pipeline, table: Table, tmp_path: Path
) -> None:
    matrix = to_matrix(jitter(table.rows, PATIENTS, SEED))
    ours = Scorer.load(CHAMPION).risk(matrix)
    above = (ours - classifier.predict_proba(matrix.astype(np.float64))[:, 1]).argmax()
    shutil.copytree(CHAMPION, tmp_path, dirs_exist_ok=True)
    card = json.loads((tmp_path / CARD_FILE).read_text()) | {"threshold": ours[above]}
    (tmp_path / CARD_FILE).write_text(json.dumps(card))
    with pytest.raises(ReleaseRefused, match="and 1 of its decisions differ"):
        check_parity(Scorer.load(tmp_path), classifier, table.rows)


def test_a_refused_release_leaves_the_bundle_before_it_unharmed(
    wrong: Pipeline, classifier: Pipeline, table: Table, tmp_path: Path
) -> None:
    shutil.copytree(CHAMPION, tmp_path / "bundle")
    card = Scorer.load(CHAMPION).card
    with pytest.raises(ReleaseRefused):
        publish(to_onnx(classifier, mean_of(table.rows)), card, wrong, table, tmp_path / "bundle")
    assert {path.name for path in tmp_path.iterdir()} == {"bundle"}
    for file in CHAMPION.iterdir():
        assert (tmp_path / "bundle" / file.name).read_bytes() == file.read_bytes()


def test_the_jittered_patients_are_valid_and_reach_every_code_and_null(table: Table) -> None:
    patients = jitter(table.rows, 5_000, seed=1)
    again = [Patient.model_validate(dict(zip(COLUMNS, row, strict=True))).to_row() for row in patients]
    assert again == patients
    assert to_matrix(patients).any(0).all()
    assert {None} <= {row[COLUMNS.index("ca")] for row in patients}
    assert {None} <= {row[COLUMNS.index("thal")] for row in patients}


def test_the_jitter_is_the_same_for_the_same_seed_and_another_for_another(table: Table) -> None:
    assert jitter(table.rows, 50, seed=1) == jitter(table.rows, 50, seed=1) != jitter(table.rows, 50, seed=2)
