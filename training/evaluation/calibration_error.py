"""The expected calibration error, beside what a perfect model would have of it among as many patients."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from models.card import Metric
from training.evaluation.cross_validation import DECIMALS, RESAMPLES, evaluate
from training.metrics import Bools, Floats

BINS = 10


class CalibrationError(BaseModel):
    """The error, and its floor: mean and 95th percentile for outcomes drawn from the very risks.

    A bootstrap sample repeats patients, which adds noise and so error: the interval lies too high, and is for
    comparing candidates only.
    """

    error: Metric
    floor_mean: float
    floor_95: float


def calibration_error(outcome: Bools, risk: Floats, weights: Floats) -> Floats:
    """Return the mean distance between risk and share of the diseased over bins of equal weight, as (b,).

    Takes what a metric of `training.metrics` takes. Source: Naeini et al., AAAI (2015) 2901-2907; of equal mass, since
    bins of equal width leave some almost empty.
    """
    order = np.argsort(risk, kind="stable")
    sorted_weights, surplus = weights[:, order], (outcome - risk)[order]
    middle = sorted_weights.cumsum(1) - sorted_weights / 2
    place = (middle / sorted_weights.sum(1, keepdims=True) * BINS).astype(np.int64).clip(0, BINS - 1)
    total = np.zeros(len(weights))
    for bin in range(BINS):
        total += np.abs(((place == bin) * sorted_weights) @ surplus)
    error: Floats = total / sorted_weights.sum(1)
    return error


def measure_calibration_error(outcome: NDArray[np.bool_], risks: NDArray[np.float64]) -> CalibrationError:
    """Return the error of the risks (repeats, n), mean over the repeats, with its floor at this n."""
    random, weights = np.random.default_rng(0), np.ones((1, len(outcome)))
    draws = random.random((RESAMPLES // len(risks), len(risks), len(outcome))) < risks
    perfect = [
        calibration_error(drawn, risk, weights)[0] for draw in draws for drawn, risk in zip(draw, risks, strict=True)
    ]
    return CalibrationError(
        error=evaluate(outcome, risks, {"error": calibration_error})["error"],
        floor_mean=round(float(np.mean(perfect)), DECIMALS),
        floor_95=round(float(np.percentile(perfect, 95)), DECIMALS),
    )
