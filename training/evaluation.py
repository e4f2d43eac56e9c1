"""The evaluation: how good the classifier is on patients that it has not seen."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from models.card import Metric
from training.classifier import TUNING_FOLDS, new_classifier
from training.metrics import METRICS

REPEATS, FOLDS, RESAMPLES = 5, 10, 2000

PROTOCOL = (
    f"Nested cross-validation: {REPEATS} repeats of {FOLDS} stratified folds. In each, C is chosen by log loss over "
    f"{TUNING_FOLDS} folds of the other nine tenths, so no patient is scored by a model that was fitted or tuned on "
    "them. A value is the mean, over the repeats, of the metric of all patients together. An interval is the middle "
    f"95 % of {RESAMPLES} bootstrap samples of patients; it leaves out what another fit to other patients would add."
)

DECIMALS = 4
"""Decimals of a metric: finer than its interval, coarser than what differs between two processors."""


@dataclass(frozen=True)
class Fold:
    """One fit: row numbers to learn from and to score, and the repeat that it belongs to."""

    repeat: int
    learn: NDArray[np.intp]
    score: NDArray[np.intp]


Watch = Callable[[Sequence[Fold]], Iterable[Fold]]
"""Passes the folds on, one by one, and may show how far it is."""


def evaluate(matrix: NDArray[np.float64], outcome: NDArray[np.bool_], watch: Watch = iter) -> dict[str, Metric]:
    """Return each metric of the classifier on the (n, d) matrix and the outcome (n,), measured by `PROTOCOL`."""
    risks = score_unseen(matrix, outcome, watch)
    patients = len(outcome)
    everyone = np.ones((1, patients))
    resamples = np.random.default_rng(0).multinomial(patients, np.full(patients, 1 / patients), RESAMPLES).astype(float)
    metrics = {}
    for name, metric in METRICS.items():
        spread = np.mean([metric(outcome, risk, resamples) for risk in risks], axis=0)
        bounds = np.percentile(spread, [2.5, 97.5])
        mean = np.mean([metric(outcome, risk, everyone) for risk in risks])
        value, low, high = np.round([mean, *bounds], DECIMALS).tolist()
        metrics[name] = Metric(value=value, low=low, high=high, n=patients)
    return metrics


def score_unseen(matrix: NDArray[np.float64], outcome: NDArray[np.bool_], watch: Watch = iter) -> NDArray[np.float64]:
    """Return the risk of every patient by a model that has not seen them, once for each repeat: (REPEATS, n)."""
    risks = np.full((REPEATS, len(outcome)), np.nan)
    for fold in watch(make_folds(outcome)):
        classifier = new_classifier(seed=fold.repeat).fit(matrix[fold.learn], outcome[fold.learn])
        risks[fold.repeat, fold.score] = classifier.predict_proba(matrix[fold.score])[:, 1]
    return risks


def make_folds(outcome: NDArray[np.bool_]) -> list[Fold]:
    """Return the folds of every repeat; within one repeat each patient is scored once."""
    return [
        Fold(repeat, learn, score)
        for repeat in range(REPEATS)
        for learn, score in StratifiedKFold(FOLDS, shuffle=True, random_state=repeat).split(outcome, outcome)
    ]
