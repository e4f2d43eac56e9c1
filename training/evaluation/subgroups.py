"""The subgroups: how good the risks are for women and men, younger and older, and how far these are apart."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from models.card import Metric, Subgroup
from models.features import FEATURES
from training.evaluation.cross_validation import DECIMALS, measure
from training.metrics import THRESHOLD, Bools, Floats, average, brier, roc_auc

OLDER_YEARS = 55
"""From this age on a patient counts as older: nearly the median of the table, 56."""

PAIRS = {"sex": ("male", "female"), "age": (f"{OLDER_YEARS} or older", f"under {OLDER_YEARS}")}
"""The groups that are compared: a gap is the first less the second."""


def find_groups(matrix: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
    """Return who belongs to each group, as bool (n,), from the (n, d) matrix of features."""
    men = matrix[:, FEATURES.index("sex=male")] == 1
    older = matrix[:, FEATURES.index("age")] >= OLDER_YEARS
    return dict(zip((*PAIRS["sex"], *PAIRS["age"]), (men, ~men, older, ~older), strict=True))


def recall(outcome: Bools, called: Floats, weights: Floats) -> Floats:
    """Share of the diseased who were called so."""
    return average(called[outcome], weights[:, outcome])


def false_positive_rate(outcome: Bools, called: Floats, weights: Floats) -> Floats:
    """Share of the healthy who were called diseased."""
    return average(called[~outcome], weights[:, ~outcome])


def surplus(outcome: Bools, risk: Floats, weights: Floats) -> Floats:
    """Share of the diseased less the mean risk: above 0 the risks of the group are too low."""
    return average(outcome - risk, weights)


OF_CALLS = {"recall": recall, "false_positive_rate": false_positive_rate}
OF_RISKS = {"roc_auc": roc_auc, "brier": brier, "surplus": surplus}


def measure_groups(
    matrix: NDArray[np.float64], outcome: NDArray[np.bool_], risks: NDArray[np.float64]
) -> tuple[dict[str, Subgroup], dict[str, dict[str, Metric]]]:
    """Return the metrics of each group under the unseen risks (repeats, n), and the gaps of each pair of groups."""
    groups, calls = find_groups(matrix), (risks >= THRESHOLD).astype(np.float64)
    figures = {
        name: Subgroup(
            patients=int(who.sum()),
            diseased=round(float(outcome[who].mean()), DECIMALS),
            metrics={
                metric: measure(value, len(outcome)) for metric, value in score(who, outcome, risks, calls).items()
            },
        )
        for name, who in groups.items()
    }
    gaps = {}
    for pair, (first, second) in PAIRS.items():
        ones, others = (score(groups[name], outcome, risks, calls) for name in (first, second))
        gaps[pair] = {name: measure_gap(ones[name], others[name], len(outcome)) for name in ones}
    return figures, gaps


Value = Callable[[Floats], Floats]


def score(who: Bools, outcome: Bools, risks: Floats, calls: Floats) -> dict[str, Value]:
    """Return each metric of this group as a function of weights (b, n) of all patients."""

    def mean(metric: Callable[[Bools, Floats, Floats], Floats], said: Floats, weights: Floats) -> Floats:
        of_repeats: Floats = np.mean([metric(outcome[who], one[who], weights[:, who]) for one in said], axis=0)
        return of_repeats

    of_calls: dict[str, Value] = {name: partial(mean, metric, calls) for name, metric in OF_CALLS.items()}
    return of_calls | {name: partial(mean, metric, risks) for name, metric in OF_RISKS.items()}


def measure_gap(one: Value, other: Value, patients: int) -> Metric:
    """Return how far the first value is above the second, on bootstrap samples of all patients."""
    return measure(lambda weights: one(weights) - other(weights), patients)
