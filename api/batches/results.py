"""The results of a batch as other files: from CSV to JSON Lines and back, row by row.

The output of a part holds whole rows, so that each part is turned alone; but all of them make one file of Parquet.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from itertools import islice
from typing import Any

from pydantic_core import from_json, to_json

from core.ledger.batch import SCORE_COLUMNS, SEVERAL, Form, Format, Join
from core.schema.patient import COLUMNS
from core.table.cell import QUOTED, defuse, quote, read_cell, unquote
from core.table.splitter import SCAN_BYTES, records

BLOCK_ROWS = 2_000  # turned in one go, some 20 ms
READ_BYTES = 524_288  # of a part's output that are held, and asked of the store, at once
MEASURED = frozenset(COLUMNS)
LISTS = frozenset(("conformal", "warnings"))
LONGEST_CELL = 2**31 - 1

Conversion = Callable[[Iterable[bytes]], Iterator[bytes]]
"""Makes of the outputs of the parts, or of whole rows of them, what is sent for them, in blocks.

It takes the next when it comes to it."""


def columns_of(form: Form) -> tuple[str, ...]:
    """Return the columns of the results as CSV.

    Those of a CSV are its own, or the id alone; lines of JSON may hold anything, so that of theirs only the id and the
    fields of a patient are columns. The columns of a score follow.
    """
    own = form.columns if form.format is Format.CSV else COLUMNS
    if form.id_column and form.id_column not in own:
        own = (form.id_column, *own)
    return (*((form.id_column,) if form.join is Join.IDS else own), *SCORE_COLUMNS)


def header_of(form: Form, *, spreadsheet_safe: bool = False) -> bytes:
    """Return the header of the results as CSV, a line; a name too may be what a spreadsheet would run."""
    delimiter = form.delimiter or ","
    header = delimiter.join(quote(name, delimiter) for name in columns_of(form)).encode() + b"\n"
    return defuse(header, delimiter) if spreadsheet_safe else header


def conversion_to(format: Format, form: Form, spreadsheet_safe: bool, row_bytes: int = 0) -> Conversion | None:
    """Return what makes of the parts' outputs the wanted format, or None if they are to be sent as they are.

    With `spreadsheet_safe` no cell of a CSV is run by a spreadsheet. `row_bytes` is as for
    `api.batches.parquet.to_parquet`.
    """
    if format is Format.PARQUET:
        from api.batches.parquet import to_parquet  # with arro3, which most gateways never need

        return partial(to_parquet, form=form, row_bytes=row_bytes)
    turn = None if format is form.format else (to_objects if format is Format.JSONL else to_rows)
    if not (spreadsheet_safe and format is Format.CSV):
        return turn and (lambda outputs: (block for output in outputs for block in turn(output, form)))
    delimiter = form.delimiter or ","
    return lambda outputs: (
        defuse(rows, delimiter)
        for output in outputs
        for block in (turn(output, form) if turn else (output,))
        for rows in cut_rows(block, delimiter)
    )


def cut_rows(rows: bytes, delimiter: str) -> Iterator[bytes]:
    """Yield whole rows of a CSV, some 128 KB at a time: what looks at them holds up all other threads meanwhile."""
    pattern, start, size = records(delimiter, "*+"), 0, SCAN_BYTES
    while start < len(rows):
        found = pattern.match(rows, start, start + size)
        end = found.end() if found else start
        if end == start and start + size < len(rows):
            size *= 2  # one row is longer
            continue
        end = end if end > start else len(rows)
        yield rows[start:end]
        start, size = end, SCAN_BYTES


def whole_rows(
    read: Callable[[int, int], bytes], size: int, form: Form, read_bytes: int = READ_BYTES
) -> Iterator[bytes]:
    """Yield whole rows of a part's output of this size, some `read_bytes` at a time, each read once it is asked for.

    `read` returns the bytes from one place up to another.
    """
    held = b""
    for start in range(0, size, read_bytes):
        held += read(start, min(start + read_bytes, size))
        end = len(held) if start + read_bytes >= size else end_of_rows(held, form)
        if end:
            yield held[:end]
            held = held[end:]


def end_of_rows(held: bytes, form: Form) -> int:
    """Return where the last whole row ends of what begins with a row; 0 if none does."""
    if form.format is Format.CSV and b'"' in held:
        found = records(form.delimiter, "*+").match(held)
        return found.end() if found else 0
    return held.rfind(b"\n") + 1


def read_rows(rows: bytes, delimiter: str) -> Iterator[list[str]]:
    """Yield the cells of each row of a CSV as texts without quotes, row by row as whoever scored them does."""
    csv.field_size_limit(LONGEST_CELL)  # of the whole process; records are bounded as they come in
    for some in cut_rows(rows, delimiter):
        if some.count(b"\r") == some.count(b"\r\n"):
            text = io.StringIO(some.decode(errors="replace"), newline="")
            yield from csv.reader(text, delimiter=delimiter)
        else:
            yield from split_rows(some, delimiter)


def split_rows(rows: bytes, delimiter: str) -> Iterator[list[str]]:
    """Yield as `read_rows`, where a carriage return ends no row, as it would for Python's csv module."""
    end = rb"\r\n" + re.escape(delimiter.encode())
    piece = rb"(?>%b[^%b]*+|[^%b]*+)" % (QUOTED, end, end)
    cell = re.compile(rb"(?:\A|%b)(%b(?:\r%b)*+)" % (re.escape(delimiter.encode()), piece, piece))
    for record in records(delimiter, "{1}").finditer(rows):
        row = record[0].removesuffix(b"\n").removesuffix(b"\r")
        yield [unquote(found).decode(errors="replace") for found in cell.findall(row)]


def to_objects(output: bytes, form: Form) -> Iterator[bytes]:
    """Yield rows of CSV as lines of JSON. What a patient's field says is a number or null, all else stays text."""
    columns, rows = columns_of(form), read_rows(output, form.delimiter)
    while block := list(islice(rows, BLOCK_ROWS)):
        objects = (dict(zip(columns, map(to_value, columns, row), strict=False)) for row in block)
        yield b"".join(to_json(each) + b"\n" for each in objects)


def to_value(column: str, cell: str) -> Any:
    """Return what a cell says, as JSON has it."""
    if column in LISTS:
        return cell.split(SEVERAL) if cell else []
    if column == "risk":
        return float(cell)
    return to_number(cell) if column in MEASURED else cell


@lru_cache(10_000)
def to_number(cell: str) -> float | str | None:
    """Return the number, the name or the nothing that the cell of a patient's field says."""
    value = read_cell(cell.encode())
    return int(value) if isinstance(value, float) and value.is_integer() else value


def to_rows(output: bytes, form: Form) -> Iterator[bytes]:
    """Yield lines of JSON as rows of CSV."""
    columns, lines = columns_of(form), io.BytesIO(output)
    while block := list(islice(lines, BLOCK_ROWS)):
        text = io.StringIO()
        writer = csv.writer(text, delimiter=form.delimiter or ",", lineterminator="\n")
        for line in block:
            found = from_json(line)
            writer.writerow([to_cell(found.get(column)) for column in columns])
        yield text.getvalue().encode()


def to_cell(value: Any) -> str:
    """Return what a member of a JSON object says, as a cell has it: null is empty, a list of words is one cell."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return SEVERAL.join(value)
    return to_json(value).decode()
