"""Sums up what was counted of files, one row for each fault: a section of the page that the jobs' table is on."""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from tests.faults.fault import Striking
from tests.faults.file_audit import FileCount
from tests.faults.table import Columns, measured, recoveries_s, to_markdown, total

FILE_COLUMNS: Columns[FileCount] = {
    "fault": lambda counts: counts[0].fault,
    "strikes": lambda counts: str(sum(len(count.recoveries_s) for count in counts)),
    "files": lambda counts: total(counts, "files"),
    "rows": lambda counts: total(counts, "rows"),
    "scored": lambda counts: total(counts, "scored"),
    "rejected": lambda counts: total(counts, "rejected"),
    "called off": lambda counts: total(counts, "called_off"),
    "lost": lambda counts: total(counts, "lost"),
    "told lost": lambda counts: total(counts, "told"),
    "not replicated": lambda counts: total(counts, "unreplicated"),
    "doubled": lambda counts: total(counts, "doubled"),
    "changed files": lambda counts: total(counts, "changed"),
    "left in the store": lambda counts: total(counts, "left"),
    "early readings": lambda counts: total(counts, "readings"),
    "refused": lambda counts: total(counts, "refused"),
    "unanswered": lambda counts: total(counts, "unanswered"),
    "recovered in s, median": lambda counts: f"{median(recoveries_s(counts)):.1f}",
    "worst": lambda counts: f"{max(recoveries_s(counts)):.1f}",
}

KEPT = "none was lost, none doubled, no file of results changed, and nothing was left in the store"
BROKEN = "**the promise was broken**"

SECTION = """# What faults do to files

{verdict}

{measured}

{table}

Every number is a sum over all repeats, but for the times. A row is *scored* if it is in the results of its batch, once,
behind the row as it was sent and with the score that the model gives its patient alone; *rejected* if the errors name
its line, once. Every 97th row is a bad one. *Called off* are rows of batches that the fault canceled, erased or
poisoned, in parts that were not done; *told lost* are rows of files that are answered 410 `ledger-lost` after a fault
that empties Redis, *not replicated* those of files that a master accepted and had not sent to its replica as it died;
*lost* are all others that are in neither, and *doubled* are lines too many, and the rows of batches that no caller's
202 names. *Changed files* have results that were once read otherwise: those of an ended batch are read whole and again
in two ranges, and each of the *early readings*, before the end, must be their beginning. *Left in the store* are ids of
no batch, once the hold of uploads that broke off is over; where a ledger was lost, what the store held by then may
stay. The time to recover runs from the end of the fault, or the death of a master, until every older batch has ended,
and then a fresh one.

## The faults that strike files

{faults}
"""


def to_section(
    rows: Sequence[Sequence[FileCount]], faults: Iterable[Striking[Any]], *, command: str, seconds: float
) -> str:
    """Return the section that tells what was measured, where and how, and of each of the faults that struck."""
    struck = {counts[0].fault for counts in rows}
    counts = [count for row in rows for count in row]
    kept = all(count.is_kept for count in counts)
    strikes = sum(len(count.recoveries_s) for count in counts)
    what = f"{total(counts, 'rows')} rows in {total(counts, 'files')} files were accepted under {strikes} strikes"
    return SECTION.format(
        verdict=f"{what}: {KEPT if kept else BROKEN}.",
        measured=measured(command, seconds),
        table=to_markdown(FILE_COLUMNS, rows),
        faults="\n".join(f"* **{fault.name}**: {fault.about}" for fault in faults if fault.name in struck),
    )
