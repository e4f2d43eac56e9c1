"""The mitigation: three ways to call as many healthy men diseased as healthy women, and what each costs."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from models.card import Metric
from models.features import FEATURES
from training.classifiers.columns import Levels
from training.classifiers.logistic_regression import new_classifier
from training.evaluation.cross_validation import Fold, evaluate, make_folds, measure, score_unseen
from training.evaluation.subgroups import PAIRS, find_groups, measure_gap, score
from training.metrics import THRESHOLD, accuracy, log_loss, roc_auc

Matrix = NDArray[np.float64]
Outcome = NDArray[np.bool_]


class Mitigation(BaseModel):
    """What one way does: the gaps between men and women, and what it costs them both."""

    title: str
    gaps: dict[str, Metric]
    metrics: dict[str, Metric]


TITLES = {
    "none": "as released",
    "without_sex": "sex left out of the features",
    "reweighed": "patients weighed so that sex and disease are independent in training",
    "two_thresholds": "a threshold for each sex, for the same share of healthy called diseased",
}
"""The ways. Sources: Kamiran, Calders, Knowl Inf Syst 33 (2012) 1-33, for the weights; Hardt, Price, Srebro, NeurIPS
(2016) 3323-3331, for thresholds by group.
"""


def try_mitigations(
    matrix: Matrix, outcome: Outcome, levels: Levels | None, risks: NDArray[np.float64]
) -> dict[str, Mitigation]:
    """Return what each way does to the classifier with these `levels`, whose unseen risks (repeats, n) are given.

    All that a way learns, weights or thresholds, it learns from other patients than those that it is scored on.
    """
    folds, repeats = make_folds(outcome, len(risks)), len(risks)
    men = find_groups(matrix)["male"]
    blind = matrix.copy()
    blind[:, [FEATURES.index("sex=male"), FEATURES.index("sex=female")]] = 0

    def reweigh(fold: Fold) -> Any:
        weights = weigh(men[fold.learn], outcome[fold.learn])
        model = new_classifier(fold.repeat, levels)
        return model.fit(matrix[fold.learn], outcome[fold.learn], regression__sample_weight=weights)

    reweighed = cross(matrix, folds, repeats, reweigh)
    without = cross(
        blind,
        folds,
        repeats,
        lambda fold: new_classifier(fold.repeat, levels).fit(blind[fold.learn], outcome[fold.learn]),
    )
    same = (risks >= THRESHOLD).astype(np.float64)
    calls = {
        "none": (risks, same),
        "without_sex": (without, (without >= THRESHOLD).astype(np.float64)),
        "reweighed": (reweighed, (reweighed >= THRESHOLD).astype(np.float64)),
        "two_thresholds": (risks, call_by_sex(matrix, outcome, men, levels, risks)),
    }
    return {name: tell(TITLES[name], matrix, outcome, *made) for name, made in calls.items()}


def cross(matrix: Matrix, folds: list[Fold], repeats: int, fit: Callable[[Fold], Any]) -> NDArray[np.float64]:
    """Return the unseen risks (repeats, n) by the models that `fit` makes of each fold."""
    risks = np.full((repeats, len(matrix)), np.nan)
    for fold in folds:
        risks[fold.repeat, fold.score] = fit(fold).predict_proba(matrix[fold.score])[:, 1]
    return risks


def weigh(men: Outcome, outcome: Outcome) -> NDArray[np.float64]:
    """Return a weight for each patient (n,): how often their sex and outcome would meet by chance, over how often."""
    weights = np.empty(len(outcome))
    for sex in (True, False):
        for found in (True, False):
            both = (men == sex) & (outcome == found)
            weights[both] = (men == sex).mean() * (outcome == found).mean() / both.mean()
    return weights


def call_by_sex(
    matrix: Matrix, outcome: Outcome, men: Outcome, levels: Levels | None, risks: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return whom a threshold for each sex calls diseased, 0 or 1 (repeats, n).

    The thresholds of a fold are such that of its other patients, under risks that were unseen as well, the same share
    of the healthy is called in each sex: the share that 0.5 calls of them all.
    """
    calls = np.full(risks.shape, np.nan)
    for fold in make_folds(outcome, len(risks)):
        inner = score_unseen(matrix[fold.learn], outcome[fold.learn], levels, repeats=1)[0]
        healthy = ~outcome[fold.learn]
        share = (inner[healthy] >= THRESHOLD).mean()
        for sex in (True, False):
            own = fold.score[men[fold.score] == sex]
            bound = np.quantile(inner[healthy & (men[fold.learn] == sex)], 1 - share)
            calls[fold.repeat, own] = risks[fold.repeat, own] > bound
    return calls


def tell(
    title: str, matrix: Matrix, outcome: Outcome, risks: NDArray[np.float64], calls: NDArray[np.float64]
) -> Mitigation:
    """Return the gaps and the costs of these risks and calls, each (repeats, n)."""
    groups = find_groups(matrix)
    ones, others = (score(groups[name], outcome, risks, calls) for name in PAIRS["sex"])
    of_calls = evaluate(outcome, calls, {"accuracy": accuracy})
    names = ("false_positive_rate", "recall")
    women = {
        f"{name}_{sex}": measure(by[name], len(outcome))
        for sex, by in zip(PAIRS["sex"], (ones, others), strict=True)
        for name in names
    }
    return Mitigation(
        title=title,
        gaps={name: measure_gap(ones[name], others[name], len(outcome)) for name in names},
        metrics=of_calls | evaluate(outcome, risks, {"roc_auc": roc_auc, "log_loss": log_loss}) | women,
    )
