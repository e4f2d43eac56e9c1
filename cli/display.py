"""Shows data on standard output, and nothing else goes there."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.configuration import Output

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
