"""The figures of one round of measurements, and what rounds say together."""

import statistics
from collections.abc import Sequence
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
