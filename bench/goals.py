"""The goals that Scoreline is held to, each a ratio of figures of one and the same round."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.contenders import BARE, BENTO, FEW, MANY, OURS, TEMPLATE
from bench.figures import Figures, scored
from bench.flood import IDLE, KINDS
from bench.noop import NAME as NOOP
from bench.service import CLIENTS_WITH_MANY


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted: a ratio, or a figure, of at least or at most some value; `form` writes it."""

    text: str
    value: Callable[[Figures], float]
    bound: float
    at_least: bool = True
    form: str = "{:.2f}"

    def is_met(self, value: float) -> bool:
        """Whether the value reaches the goal."""
        return value >= self.bound if self.at_least else value <= self.bound


def over(name: str) -> Callable[[Figures], float]:
    """Return the function that says how many times as many jobs a second as this contender we score at 64 clients."""
    return lambda figures: scored(figures, OURS, MANY) / scored(figures, name, MANY)


def slower_than(name: str) -> Callable[[Figures], float]:
    """Return the function that says how many times as long as with this contender a client alone waits for us."""
    return lambda figures: figures[OURS, FEW, "p50"] / figures[name, FEW, "p50"]


GOALS = [
    Goal("jobs scored/s at 64 clients, over the template's", over(TEMPLATE), 10),
    Goal("jobs scored/s at 64 clients, over the BentoML task's", over(BENTO), 5),
    Goal("jobs scored/s at 64 clients, over bare HTTP's requests/s", over(BARE), 0.5),
    Goal("`Prefer: wait` p50 at one client, over the no-op Celery round trip", slower_than(NOOP), 1.5, at_least=False),
    Goal("`Prefer: wait` p50 at one client, over the template's", slower_than(TEMPLATE), 0.5, at_least=False),
    Goal(
        "patients scored/s in jobs of 1,000 at 4 clients",
        lambda figures: figures[OURS, CLIENTS_WITH_MANY, "patients"],
        50_000,
        form="{:,.0f}",
    ),
]


def times_idle(flood: str, figure: str) -> Callable[[Figures], float]:
    """Return the function that says how many times a figure of an idle service it is beside a flood."""
    return lambda figures: figures[flood, FEW, figure] / figures[f"{flood} {IDLE}", FEW, figure]


def beside(flood: str, figure: str) -> Callable[[Figures], float]:
    """Return the function that says a figure beside a flood."""
    return lambda figures: figures[flood, FEW, figure]


FAIRNESS = [
    goal
    for flood in KINDS
    for goal in (
        Goal(f"{flood}: p50 of one patient over an idle service's", times_idle(flood, "p50"), 3, at_least=False),
        Goal(f"{flood}: p99 of one patient over an idle service's", times_idle(flood, "p99"), 10, at_least=False),
        Goal(f"{flood}: requests refused", beside(flood, "refused"), 0, at_least=False, form="{:.0f}"),
        Goal(f"{flood}: seconds of a file of 300 rows", beside(flood, "file"), 2, at_least=False),
    )
]
"""What a key is held harmless from while another one floods, by the flood's name."""


def values_of(goal: Goal, rounds: Sequence[Figures]) -> list[float]:
    """Return the goal's value in each round that measured what it takes."""
    values = []
    for figures in rounds:
        try:
            values.append(goal.value(figures))
        except KeyError:
            continue
    return values


def row_of(goal: Goal, rounds: Sequence[Figures]) -> str:
    """Return the goal's line of a table: wanted, the median, whether that is met, and each round."""
    values = values_of(goal, rounds)
    wanted = (">= " if goal.at_least else "<= ") + goal.form.format(goal.bound)
    if not values:
        return f"| {goal.text} | {wanted} | not measured | | |"
    middle = statistics.median(values)
    listed = ", ".join(map(goal.form.format, values))
    return (
        f"| {goal.text} | {wanted} | {goal.form.format(middle)} | {'yes' if goal.is_met(middle) else 'no'} | {listed} |"
    )
