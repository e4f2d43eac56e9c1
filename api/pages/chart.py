"""Computes the coordinates of bars, lines and columns in the charts that templates draw as SVG."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.pages.patient_form import name_of
from core.ledger.job import Job
from monitoring.drift import Bin

COLUMN_WIDTH, COLUMN_HEIGHT = 10, 30
CURVE_STEPS = 50
HALF = 100  # the width of a bar chart on each side of its middle


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar from the middle to the left (below 0) or to the right; `x`, its left end, is 0 to 2 `HALF`."""

    label: str
    value: float
    x: float
    width: float


def make_bars(job: Job) -> list[Bar]:
    """Return the bars of the explanation of a job's only score; an empty list without one."""
    explanation = job.scores[0].explanation if job.scores and len(job.scores) == 1 else None
    return make_contribution_bars(explanation.contributions) if explanation else []


def make_contribution_bars(contributions: Mapping[str, float]) -> list[Bar]:
    """Return the bars of contributions by field, the longest first, without those that are 0."""
    longest = max(map(abs, contributions.values()), default=0)
    ranked = sorted(contributions.items(), key=lambda term: -abs(term[1]))
    return [make_bar(name_of(field), value, longest) for field, value in ranked if value]


def make_bar(label: str, value: float, longest: float) -> Bar:
    """Return a bar on a scale on which `longest`, above 0, fills one side."""
    width = HALF * abs(value) / longest
    return Bar(label, value, round(HALF - width if value < 0 else HALF, 2), round(width, 2))


@dataclass(frozen=True, slots=True)
class Column:
    """One bin of a histogram: its left end, and the heights of the reference's and of the recent patients' share."""

    x: int
    reference: float
    share: float


def make_columns(bins: Sequence[Bin]) -> list[Column]:
    """Return the columns of a histogram; the highest is `COLUMN_HEIGHT`, and an unknown share has height 0."""
    highest = max(max(one.reference, one.share or 0) for one in bins) or 1
    scale = COLUMN_HEIGHT / highest
    return [
        Column(COLUMN_WIDTH * place, round(scale * one.reference, 1), round(scale * (one.share or 0), 1))
        for place, one in enumerate(bins)
    ]


def draw_calibration_curve(slope: float, intercept: float) -> str:
    """Return the points of the calibration curve: x is the predicted risk, y the share that has the disease.

    Both are in percent, with SVG's origin at the upper left. The log-odds of the share are `intercept` plus `slope`
    times the log-odds of the risk.
    """
    risks = [(step + 0.5) / CURVE_STEPS for step in range(CURVE_STEPS)]
    shares = [1 / (1 + math.exp(-intercept - slope * math.log(risk / (1 - risk)))) for risk in risks]
    return " ".join(f"{100 * risk:.1f},{100 - 100 * share:.1f}" for risk, share in zip(risks, shares, strict=True))
