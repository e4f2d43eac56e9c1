"""Training: the committed bundle every time, measured on patients that it has not seen, by metrics that are right."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as theirs
from sklearn.linear_model import LogisticRegression

from models.bundle import FILES
from models.card import CARD_FILE, MODEL_FILE
from models.probes import PROBES_FILE
from models.scorer import Scorer
from training.evaluation.conformal import calibrate
from training.evaluation.cross_validation import FOLDS, REPEATS, make_folds
from training.metrics import METRICS, THRESHOLD
from training.study.results import name_versions

ROOT = Path(__file__).parents[2]
CHAMPION = ROOT / "models" / "champion"

pytestmark = pytest.mark.timeout(300)  # a training, on a machine that may be busy


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, made by a process of its own."""
    folder = tmp_path_factory.mktemp("train") / "bundle"
    command = [sys.executable, "-m", "training", "release", "--out", str(folder)]
    # Other tests need the other cores; and an MLflow that runs here for other purposes is left alone.
    alone = os.environ | {"OPENBLAS_NUM_THREADS": "1", "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    run = subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "roc_auc" in run.stdout
    assert "Released 1.1.0+" in run.stdout
    assert "Not logged. MLflow at http://127.0.0.1:9 does not answer" in run.stderr
    return folder


def test_training_again_makes_the_bytes_of_the_committed_bundle(bundle: Path) -> None:
    """Holds for the locked versions of numpy, scikit-learn and onnx; another may move a last decimal.

    The card's `versions` are those of the process that made it, since the lock has another numpy for a newer Python.
    """
    assert {file.name for file in bundle.iterdir()} == set(FILES)
    for file in (MODEL_FILE, PROBES_FILE):
        assert (bundle / file).read_bytes() == (CHAMPION / file).read_bytes()
    committed = json.loads((CHAMPION / CARD_FILE).read_text())
    assert committed["versions"].keys() == name_versions().keys()
    expected = json.dumps(committed | {"versions": name_versions()}, indent=2, ensure_ascii=False) + "\n"
    assert (bundle / CARD_FILE).read_text() == expected


def test_a_bundle_just_trained_can_be_loaded(bundle: Path) -> None:
    assert Scorer.load(bundle).version == Scorer.load(CHAMPION).version


def test_a_bound_leaves_out_no_more_of_its_label_than_the_level_allows() -> None:
    """Of 19 with a label the 18th counts, since ceil(0.9 * 20) = 18; of 9 the last."""
    outcome = np.arange(28) < 19
    risk = np.where(outcome, (np.arange(28) + 1) / 20, (np.arange(28) - 18) / 10)
    bounds = calibrate(outcome, risk[None])
    assert (bounds.disease_at_least, bounds.no_disease_at_most) == (0.1, 0.9)
    other = calibrate(outcome, np.stack([risk, risk / 2]))
    assert (other.disease_at_least, other.no_disease_at_most) == (0.075, 0.675)


def test_bounds_from_patients_like_them_cover_new_patients_of_either_label() -> None:
    random = np.random.default_rng(0)
    covered = np.zeros((400, 2))
    for place in covered:
        outcome = np.arange(400) % 5 < 2
        risk = 1 / (1 + np.exp(-random.normal(np.where(outcome, 1, -1), 1.5)))
        known, new = np.arange(400) < 200, np.arange(400) >= 200
        out = calibrate(outcome[known], risk[None, known]).rule_out(risk[new])
        place[:] = (out & 1 == 0)[outcome[new]].mean(), (out & 2 == 0)[~outcome[new]].mean()
    assert (abs(covered.mean(axis=0) - 0.9) < 0.012).all()


def test_no_patient_is_scored_by_a_model_that_learned_from_them() -> None:
    outcome = np.arange(303) < 139
    folds = make_folds(outcome)
    assert len(folds) == REPEATS * FOLDS
    assert not any(np.intersect1d(fold.learn, fold.score).size for fold in folds)
    for repeat in range(REPEATS):
        scored = np.concatenate([fold.score for fold in folds if fold.repeat == repeat])
        assert np.array_equal(np.sort(scored), np.arange(303))
    assert len({fold.score.tobytes() for fold in folds}) == len(folds)  # every repeat is cut in another way


@pytest.fixture(scope="module")
def sample() -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Outcomes and risks of 200 patients, some tied, with 4 weightings: all ones, and three bootstrap samples."""
    random = np.random.default_rng(0)
    risk = random.uniform(0.02, 0.98, 200).round(2)
    outcome = random.random(200) < risk**1.5
    resamples = random.multinomial(200, np.full(200, 1 / 200), 3)
    return outcome, risk, np.vstack([np.ones(200), resamples]).astype(float)


@pytest.mark.parametrize(
    ("name", "their_name", "of_calls"),
    [
        ("accuracy", "accuracy_score", True),
        ("precision", "precision_score", True),
        ("recall", "recall_score", True),
        ("f1", "f1_score", True),
        ("roc_auc", "roc_auc_score", False),
        ("auprc", "average_precision_score", False),
        ("log_loss", "log_loss", False),
        ("brier", "brier_score_loss", False),
    ],
)
def test_a_metric_is_what_scikit_learn_says_it_is(
    name: str,
    their_name: str,
    of_calls: bool,
    sample: tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]],
) -> None:
    outcome, risk, weights = sample
    shown = risk >= THRESHOLD if of_calls else risk
    expected = [getattr(theirs, their_name)(outcome, shown, sample_weight=weight) for weight in weights]
    assert METRICS[name](outcome, risk, weights) == pytest.approx(expected)


def test_the_calibration_slope_is_that_of_an_unpenalised_regression(
    sample: tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]],
) -> None:
    outcome, risk, weights = sample
    log_odds = np.log(risk / (1 - risk))[:, None]
    fits = [LogisticRegression(C=np.inf, tol=1e-10).fit(log_odds, outcome, weight) for weight in weights]
    assert METRICS["calibration_slope"](outcome, risk, weights) == pytest.approx([fit.coef_[0, 0] for fit in fits])


def test_the_calibration_intercept_is_the_shift_that_makes_the_mean_risk_right(
    sample: tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]],
) -> None:
    outcome, risk, weights = sample
    shifts = METRICS["calibration_intercept"](outcome, risk, weights)
    odds = risk / (1 - risk) * np.exp(shifts)[:, None]
    assert (weights * odds / (1 + odds)).sum(1) == pytest.approx(weights @ outcome)
    assert (shifts < 0).all()  # the outcomes were drawn below the risks
