"""The figures of one round of measurements, what rounds say together, and the goals that they are held to."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Key = tuple[str, int, str]
"""Who was measured, with how many clients, and which figure it is."""

Figures = dict[Key, float]
"""What one round measured: jobs or patients a second, or milliseconds, by what the figure's name says."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how long to measure: an empty folder, one that keeps environments, and the seconds for one figure."""

    folder: Path
    kept: Path
    seconds: int


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


def median(rounds: Sequence[Figures], key: Key) -> float | None:
    """Return the median over the rounds that have the figure, or None where none has."""
    values = [figures[key] for figures in rounds if key in figures]
    return statistics.median(values) if values else None


def scored(figures: Figures, name: str, clients: int) -> float:
    """Return the jobs a second that were submitted and scored, in the way that suited the service better.

    Raises KeyError where neither was measured.
    """
    ways = [(name, clients, "scored"), (name, clients, "seen")]
    if not any(way in figures for way in ways):
        raise KeyError(name)
    return max(figures[way] for way in ways if way in figures)


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


def written(figure: float | None) -> str:
    """Return a figure as the table shows it."""
    if figure is None:
        return ""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}"
