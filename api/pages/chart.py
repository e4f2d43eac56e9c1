"""The charts' arithmetic: where bars and marks stand, in units of a picture that a template draws as SVG."""

from collections.abc import Mapping
from dataclasses import dataclass

from api.pages.patient_form import name_of

HALF = 100  # a bar's picture reaches this far to either side of its middle


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar from the middle to the left (below 0) or to the right; `x` is its left end, both are 0 to 2 `HALF`."""

    label: str
    value: float
    x: float
    width: float


def contribution_bars(contributions: Mapping[str, float]) -> list[Bar]:
    """Return the bars of an explanation, the longest first; what adds nothing is left out."""
    longest = max(map(abs, contributions.values()), default=0)
    ranked = sorted(contributions.items(), key=lambda term: -abs(term[1]))
    return [make_bar(name_of(field), value, longest) for field, value in ranked if value]


def make_bar(label: str, value: float, longest: float) -> Bar:
    """Return a bar on a scale on which `longest`, above 0, fills one side."""
    width = HALF * abs(value) / longest
    return Bar(label, value, round(HALF - width if value < 0 else HALF, 2), round(width, 2))
