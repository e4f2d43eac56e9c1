"""The metrics: how good a set of risks is, for many weightings of the patients at once.

Each takes `outcome` bool (n,), `risk` float64 (n,) strictly between 0 and 1, and `weights` float64 (b, n): how
often each patient counts, in each of b samples. Each returns float64 (b,). With weights of 1 they are
scikit-learn's; bootstrapping those one sample at a time would take minutes.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
MetricOf = Callable[[Bools, Floats, Floats], Floats]

THRESHOLD = 0.5
"""A risk that reaches this is called disease: right where a miss and a false alarm cost the same."""

SUREST = 0.001
"""How near to 0 or 1 a risk may be: forests give 0 and 1 themselves, and one such error would be endless."""

_NEWTON_STEPS = 12


def accuracy(outcome: Bools, risk: Floats, weights: Floats) -> Floats:
    """Share of patients whose call was right."""
    return average((risk >= THRESHOLD) == outcome, weights)


def precision(outcome: Bools, risk: Floats, weights: Floats) -> Floats:
    """Share of those called diseased who are (positive predictive value)."""
    called = risk >= THRESHOLD
    return average(outcome[called], weights[:, called])


def recall(outcome: Bools, risk: Floats, weights: Floats) -> Floats:
    """Share of the diseased who were called so (sensitivity)."""
    return average((risk >= THRESHOLD)[outcome], weights[:, outcome])


def f1(outcome: Bools, risk: Floats, weights: Floats) -> Floats:
    """Harmonic mean of precision and recall."""
    called = risk >= THRESHOLD
    score: Floats = 2 * (weights @ (called & outcome)) / (weights @ called + weights @ outcome)
    return score


def roc_auc(outcome: Bools, risk: Floats, weights: Floats) -> Floats:
    """Share of pairs, one diseased and one not, in which the diseased has the higher risk; a tie counts half."""
    lead = risk[outcome][:, None] - risk[~outcome]
    wins = (lead > 0) + 0.5 * (lead == 0)
    diseased, healthy = weights[:, outcome], weights[:, ~outcome]
    area: Floats = ((diseased @ wins) * healthy).sum(1) / (diseased.sum(1) * healthy.sum(1))
    return area


def auprc(outcome: Bools, risk: Floats, weights: Floats) -> Floats:
    """Area under the curve of precision over recall, as average precision: the sum of steps, not trapezoids."""
    order = np.argsort(-risk, kind="stable")
    last_of_tie = np.append(np.diff(risk[order]) != 0, True)
    called = weights[:, order].cumsum(1)[:, last_of_tie]
    hits = (weights * outcome)[:, order].cumsum(1)[:, last_of_tie]
    steps = np.diff(hits, axis=1, prepend=0)
    # A sample may hold none of the highest risks: nobody is called, and no step is made.
    area: Floats = (steps * hits / np.maximum(called, 1)).sum(1) / hits[:, -1]
    return area


def log_loss(outcome: Bools, risk: Floats, weights: Floats) -> Floats:
    """Mean surprise at the outcome, in nats."""
    return average(-np.log(np.where(outcome, risk, 1 - risk)), weights)


def brier(outcome: Bools, risk: Floats, weights: Floats) -> Floats:
    """Mean squared distance between risk and outcome."""
    return average((risk - outcome) ** 2, weights)


def calibration_slope(outcome: Bools, risk: Floats, weights: Floats) -> Floats:
    """Slope of the outcome on the risk's log-odds: 1 is right, less than 1 is too sure of itself.

    Source: Van Calster et al., J Clin Epidemiol 74 (2016) 167-176.
    """
    log_odds = np.log(risk / (1 - risk))
    design = np.stack([np.ones_like(risk), log_odds], axis=1)
    return fit_logistic(design, np.zeros_like(risk), outcome, weights)[:, 1]


def calibration_intercept(outcome: Bools, risk: Floats, weights: Floats) -> Floats:
    """Calibration in the large: what the log-odds lack on average, with the slope held at 1; 0 is right.

    Source: as for `calibration_slope`.
    """
    return fit_logistic(np.ones((len(risk), 1)), np.log(risk / (1 - risk)), outcome, weights)[:, 0]


METRICS: dict[str, MetricOf] = {
    metric.__name__: metric
    for metric in (
        accuracy,
        precision,
        recall,
        f1,
        roc_auc,
        auprc,
        log_loss,
        brier,
        calibration_slope,
        calibration_intercept,
    )
}
"""Every metric that goes on the card, by name."""


def clip(risk: Floats) -> Floats:
    """Return the risks with those nearer than `SUREST` to 0 or 1 moved there."""
    return risk.clip(SUREST, 1 - SUREST)


def average(values: Bools | Floats, weights: Floats) -> Floats:
    """Return the mean of `values` (n,) under each of the (b, n) weightings, as (b,)."""
    mean: Floats = (weights @ values) / weights.sum(1)
    return mean


def fit_logistic(design: Floats, offset: Floats, outcome: Bools, weights: Floats) -> Floats:
    """Return coefficients (b, k) of logistic regressions of `outcome` on `design` (n, k), one for each weighting.

    `offset` (n,) is added to the log-odds with its coefficient held at 1. Newton's method, unpenalised.
    """
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    fitted = np.zeros((len(weights), design.shape[1]))
    for _ in range(_NEWTON_STEPS):
        risk = 1 / (1 + np.exp(-(fitted @ design.T + offset)))
        gradient = (weights * (outcome - risk)) @ design
        hessian = ((weights * risk * (1 - risk)) @ squares).reshape(*fitted.shape, -1)
        fitted += np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
    return fitted
