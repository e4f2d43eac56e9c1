"""The cross-validation: how good the classifier is on patients that it has not seen."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from models.card import Metric
from training.classifiers.columns import Levels
from training.classifiers.logistic_regression import TUNING_FOLDS, new_classifier
from training.metrics import METRICS, MetricOf

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


def evaluate(
    outcome: NDArray[np.bool_], risks: NDArray[np.float64], metrics: Mapping[str, MetricOf] = METRICS
) -> dict[str, Metric]:
    """Return each metric of the risks (repeats, n) that patients of this outcome (n,) were given unseen."""

    def mean(metric: MetricOf, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        of_repeats: NDArray[np.float64] = np.mean([metric(outcome, risk, weights) for risk in risks], axis=0)
        return of_repeats

    return {name: measure(partial(mean, metric), len(outcome)) for name, metric in metrics.items()}


def measure(value: Callable[[NDArray[np.float64]], NDArray[np.float64]], patients: int) -> Metric:
    """Return what `value` is of that many patients, with its interval as `PROTOCOL` says.

    `value` takes weightings float64 (b, patients), as the metrics do, and returns float64 (b,).
    """
    resamples = np.random.default_rng(0).multinomial(patients, np.full(patients, 1 / patients), RESAMPLES).astype(float)
    bounds = np.percentile(value(resamples), [2.5, 97.5])
    shown, low, high = np.round([*value(np.ones((1, patients))), *bounds], DECIMALS).tolist()
    return Metric(value=shown, low=low, high=high, n=patients)


def score_unseen(
    matrix: NDArray[np.float64],
    outcome: NDArray[np.bool_],
    levels: Levels | None = None,
    repeats: int = REPEATS,
    watch: Watch = iter,
) -> NDArray[np.float64]:
    """Return the risk of every patient by a classifier with these `levels` that has not seen them: (repeats, n)."""
    risks = np.full((repeats, len(outcome)), np.nan)
    for fold in watch(make_folds(outcome, repeats)):
        classifier = new_classifier(fold.repeat, levels).fit(matrix[fold.learn], outcome[fold.learn])
        risks[fold.repeat, fold.score] = classifier.predict_proba(matrix[fold.score])[:, 1]
    return risks


def make_folds(outcome: NDArray[np.bool_], repeats: int = REPEATS, cuts: int = FOLDS) -> list[Fold]:
    """Return the folds of every repeat, as many as `cuts`; within one repeat each patient is scored once."""
    return [
        Fold(repeat, learn, score)
        for repeat in range(repeats)
        for learn, score in StratifiedKFold(cuts, shuffle=True, random_state=repeat).split(outcome, outcome)
    ]
