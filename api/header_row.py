"""Reads the header of a CSV: which column is what, and everything that is wrong with it."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from api.cutter import DELIMITERS
from contract.batch import SCORE_COLUMNS, Form
from contract.errors import FieldError, InvalidFile
from contract.patient import COLUMNS, Patient

COLUMNS_LIMIT = 1_000
NAME_LIMIT = 1_000  # characters
NAME_SHOWN = 64  # characters of a column's name that an error repeats

REQUIRED = tuple(name for name, info in Patient.model_fields.items() if info.is_required())
KNOWN = frozenset(COLUMNS)


def read_header(header: bytes, form: Form) -> Form:
    """Return the form with the columns of this header, and with its delimiter where the form has none (`""`).

    Names are matched exactly, without the blanks around them. Raises InvalidFile that lists every fault. A first line
    that names no field of a patient is taken for a patient, so that nothing of it is repeated.
    """
    text = decode(header)
    delimiter = form.delimiter or max(DELIMITERS, key=lambda mark: count_known(text, mark))
    columns = split(text, delimiter)
    if len(columns) > COLUMNS_LIMIT:
        raise InvalidFile.whole("too_many_columns", f"has {len(columns)} columns: at most {COLUMNS_LIMIT} are taken")
    if any(len(name) > NAME_LIMIT for name in columns):
        raise InvalidFile.whole("bad_header", f"has a column whose name is longer than {NAME_LIMIT} characters")
    if not KNOWN & set(columns):
        raise InvalidFile.whole("no_header", f"must begin with a header that names the columns: {', '.join(COLUMNS)}")
    if faults := tuple(find_faults(columns, form)):
        raise InvalidFile(errors=faults)
    return replace(form, columns=columns, delimiter=delimiter)


def decode(header: bytes) -> str:
    """Return the header as text. Raises InvalidFile unless it is UTF-8 without NUL."""
    try:
        text = header.decode()
    except UnicodeDecodeError:
        raise InvalidFile.whole("not_utf8", "must be UTF-8: save it so, or convert it with iconv") from None
    if "\0" in text:
        raise InvalidFile.whole("nul", "has a NUL byte in its header: is it UTF-16, or no text at all?")
    return text


def count_known(text: str, delimiter: str) -> int:
    """Return how many fields of a patient a header names if this is its delimiter."""
    try:
        return len(KNOWN & set(split(text, delimiter)))
    except InvalidFile:
        return 0


def split(text: str, delimiter: str) -> tuple[str, ...]:
    """Return the names in a header. Raises InvalidFile for one that is several lines, or no CSV."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        raise InvalidFile.whole("bad_header", "has a header that cannot be read as CSV") from None
    if len(rows) > 1:
        raise InvalidFile.whole("line_ending", "must end its lines with LF or CRLF")
    return tuple(name.strip() for name in rows[0]) if rows else ()


def find_faults(columns: Sequence[str], form: Form) -> Iterator[FieldError]:
    """Yield what is wrong with the columns, each under its name."""
    for name in REQUIRED:
        if name not in columns:
            spelt = next((column for column in columns if column.lower() == name), None)
            hint = f", written exactly so and not {spelt}" if spelt else ""
            yield FieldError(field=name, code="missing", message=f"must be a column{hint}")
    for name, times in Counter(columns).items():
        if times > 1 and name:
            yield FieldError(field=name[:NAME_SHOWN], code="doubled", message=f"must be one column, and is {times}")
    for name in SCORE_COLUMNS:
        if name in columns:
            yield FieldError(field=name, code="reserved", message="is a column of the results: rename or remove it")
    if form.id_column and form.id_column not in columns:
        name = form.id_column[:NAME_SHOWN]
        yield FieldError(field=name, code="missing", message="must be a column, since id_column names it")
