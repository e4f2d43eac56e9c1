"""Converts the results of a batch from CSV to JSON Lines and back, row by row.

The output of a part has whole rows, so each part is converted by itself; only Parquet needs all parts in one file.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from pydantic_core import from_json, to_json

from core.ledger.batch import SCORE_COLUMNS, SEVERAL, Form, Format, Join
from core.schema.patient import COLUMNS
from core.table.cell import QUOTED, defuse, quote, read_cell, unquote
from core.table.splitter import SCAN_BYTES, records

BLOCK_ROWS = 2_000  # converted at once, in some 20 ms
READ_BYTES = 524_288  # of a part's output, read from the store at once
PATIENT_COLUMNS = frozenset(COLUMNS)
LIST_COLUMNS = frozenset(("conformal", "warnings"))
LONGEST_CELL = 2**31 - 1

Conversion = Callable[[Iterable[bytes]], Iterator[bytes]]
"""Converts the outputs of the parts, or blocks of whole rows of them, lazily to the blocks that are sent."""


def columns_of(form: Form) -> tuple[str, ...]:
    """Return the columns of the results as CSV: those of the input, or the id alone, and then those of the score.

    Input lines of JSON may have any members; their columns are the id and the fields of a patient.
    """
    own = form.columns if form.format is Format.CSV else COLUMNS
    if form.id_column and form.id_column not in own:
        own = (form.id_column, *own)
    return (*((form.id_column,) if form.join is Join.IDS else own), *SCORE_COLUMNS)


def header_of(form: Form, *, spreadsheet_safe: bool = False) -> bytes:
    """Return the header line of the results as CSV; `spreadsheet_safe` also defuses names that look like formulas."""
    delimiter = form.delimiter or ","
    header = delimiter.join(quote(name, delimiter) for name in columns_of(form)).encode() + b"\n"
    return defuse(header, delimiter) if spreadsheet_safe else header


def cut_rows(rows: bytes, delimiter: str) -> Iterator[bytes]:
    """Yield whole rows of a CSV, some 128 KB at a time: a regular expression blocks all other threads while it runs."""
    pattern, start, size = records(delimiter, "*+"), 0, SCAN_BYTES
    while start < len(rows):
        match = pattern.match(rows, start, start + size)
        end = match.end() if match else start
        if end == start and start + size < len(rows):
            size *= 2  # a single row is longer
            continue
        end = end if end > start else len(rows)
        yield rows[start:end]
        start, size = end, SCAN_BYTES


def read_whole_rows(
    read: Callable[[int, int], bytes], size: int, form: Form, read_bytes: int = READ_BYTES
) -> Iterator[bytes]:
    """Yield whole rows of a part's output of `size` bytes, some `read_bytes` at a time, read when they are needed.

    `read` returns the bytes from a start up to an end.
    """
    buffer = b""
    for start in range(0, size, read_bytes):
        buffer += read(start, min(start + read_bytes, size))
        end = len(buffer) if start + read_bytes >= size else find_rows_end(buffer, form)
        if end:
            yield buffer[:end]
            buffer = buffer[end:]


def find_rows_end(buffer: bytes, form: Form) -> int:
    """Return the end of the last whole row in a buffer that begins with a row; 0 if there is none."""
    if form.format is Format.CSV and b'"' in buffer:
        match = records(form.delimiter, "*+").match(buffer)
        return match.end() if match else 0
    return buffer.rfind(b"\n") + 1


def read_rows(rows: bytes, delimiter: str) -> Iterator[list[str]]:
    """Yield the cells of each row of a CSV as texts without quotes, split into rows as the worker splits them."""
    csv.field_size_limit(LONGEST_CELL)  # for the whole process; the upload limits the size of records
    for block in cut_rows(rows, delimiter):
        if block.count(b"\r") == block.count(b"\r\n"):
            text = io.StringIO(block.decode(errors="replace"), newline="")
            yield from csv.reader(text, delimiter=delimiter)
        else:
            yield from split_rows(block, delimiter)


def split_rows(rows: bytes, delimiter: str) -> Iterator[list[str]]:
    """Yield what `read_rows` does, if a carriage return inside a row does not end it, as it would for Python's csv."""
    end = rb"\r\n" + re.escape(delimiter.encode())
    piece = rb"(?>%b[^%b]*+|[^%b]*+)" % (QUOTED, end, end)
    cell = re.compile(rb"(?:\A|%b)(%b(?:\r%b)*+)" % (re.escape(delimiter.encode()), piece, piece))
    for record in records(delimiter, "{1}").finditer(rows):
        row = record[0].removesuffix(b"\n").removesuffix(b"\r")
        yield [unquote(found).decode(errors="replace") for found in cell.findall(row)]


def to_objects(output: bytes, form: Form) -> Iterator[bytes]:
    """Yield rows of CSV as lines of JSON. A patient's field becomes a number, a name or null; all else stays text."""
    columns, rows = columns_of(form), read_rows(output, form.delimiter)
    while block := list(islice(rows, BLOCK_ROWS)):
        objects = (dict(zip(columns, map(to_value, columns, row), strict=False)) for row in block)
        yield b"".join(to_json(each) + b"\n" for each in objects)


def to_value(column: str, cell: str) -> Any:
    """Return the JSON value of a cell."""
    if column in LIST_COLUMNS:
        return cell.split(SEVERAL) if cell else []
    if column == "risk":
        return float(cell)
    return to_number(cell) if column in PATIENT_COLUMNS else cell


@lru_cache(10_000)
def to_number(cell: str) -> float | str | None:
    """Return the number or the name in the cell of a patient's field; None if it is empty."""
    value = read_cell(cell.encode())
    return int(value) if isinstance(value, float) and value.is_integer() else value


def to_rows(output: bytes, form: Form) -> Iterator[bytes]:
    """Yield lines of JSON as rows of CSV."""
    columns, lines = columns_of(form), io.BytesIO(output)
    while block := list(islice(lines, BLOCK_ROWS)):
        text = io.StringIO()
        writer = csv.writer(text, delimiter=form.delimiter or ",", lineterminator="\n")
        for line in block:
            parsed = from_json(line)
            writer.writerow([to_cell(parsed.get(column)) for column in columns])
        yield text.getvalue().encode()


def to_cell(value: Any) -> str:
    """Return the cell for a JSON value: null is empty, and a list of strings is joined into one cell."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return SEVERAL.join(value)
    return to_json(value).decode()
