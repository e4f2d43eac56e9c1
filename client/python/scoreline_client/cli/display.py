"""Shows data on standard output, where nothing else goes: as JSON, CSV or a table, and what a line of a table says."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scoreline_client.cli.session import Output
from scoreline_client.wire.models import Batch, Job, JobError, Score

Row = Mapping[str, object]
UNCUT = 100_000
"""Columns, where nobody looks: a program that reads the table must find every word of it."""


def show(data: object, rows: Sequence[Row], columns: Sequence[str], form: Output) -> None:
    """Show the data as JSON, or the rows that are made of it, whatever their number, as a table or CSV."""
    if form is Output.JSON:
        print(json.dumps(data, indent=2, ensure_ascii=False))
    elif form is Output.CSV:
        show_csv(rows, columns)
    else:
        show_table(rows, columns)


def show_one(data: Row, row: Row, form: Output) -> None:
    """Show one thing; as a table, with a line for each of its parts that says something."""
    if form is Output.TABLE:
        parts = [{"": name, " ": value} for name, value in row.items() if value not in (None, "", [])]
        show_table(parts, ["", " "])
    else:
        show(data, [row], list(row), form)


def show_csv(rows: Iterable[Row], columns: Sequence[str]) -> None:
    """Show rows as CSV, with a header."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([to_text(row.get(column), "|") for column in columns] for row in rows)


def show_table(rows: Iterable[Row], columns: Sequence[str]) -> None:
    """Show rows as a table; without a header if no column has a name."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else UNCUT)
    named = any(column.strip() for column in columns)
    table = Table(box=box.SIMPLE if named else None, show_header=named, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(to_text(row.get(column), ", ")) for column in columns))
    console.print(table)


def to_text(value: object, between: str) -> str:
    """Return a value as a cell has it: nothing for None, and several with something between them."""
    if value is None:
        return ""
    if isinstance(value, list):
        return between.join(map(str, value))
    return str(value)


def score_row(score: Score) -> Row:
    """Return what a line of a table says of a score; each contribution is a column."""
    row: dict[str, Any] = {
        "risk": score.risk,
        "prediction": score.prediction,
        "conformal": score.conformal,
        "warnings": score.warnings,
        "model_version": score.model_version,
    }
    if score.explanation:
        row |= {"log_odds": score.explanation.log_odds, "baseline": score.explanation.baseline}
        terms: dict[str, float] = score.explanation.contributions.additional_properties
        row |= {name: terms[name] for name in sorted(terms, key=lambda name: abs(terms[name]), reverse=True)}
    return row


def job_row(job: Job) -> Row:
    """Return what a line of a table says of a job."""
    return {
        "id": job.id,
        "state": job.state,
        "patients": job.patients,
        "accepted_at": job.accepted_at.isoformat(timespec="seconds"),
        "finished_at": job.finished_at.isoformat(timespec="seconds") if job.finished_at else None,
        "error": _why(job.error),
    }


def batch_row(batch: Batch) -> Row:
    """Return what a line of a table says of a batch."""
    counts = batch.counts
    return {
        "id": batch.id,
        "state": batch.state,
        "rows": counts.rows,
        "scored": counts.scored,
        "rejected": counts.rejected,
        "parts": f"{counts.parts_done}/{counts.parts}",
        "rows_per_s": round(batch.rows_per_s) if batch.rows_per_s else None,
        "accepted_at": batch.accepted_at.isoformat(timespec="seconds"),
        "finished_at": batch.finished_at.isoformat(timespec="seconds") if batch.finished_at else None,
        "error": _why(batch.error),
    }


def _why(error: JobError | None) -> str | None:
    return error.code if error else None
