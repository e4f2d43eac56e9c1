"""Reads the header of a CSV: finds the columns, and reports every fault."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from core.errors import FieldError, InvalidFile
from core.ledger.batch import SCORE_COLUMNS, Form
from core.schema.patient import COLUMNS, Patient
from core.schema.spelling import find_nearest, list_places
from core.table.splitter import DELIMITERS

COLUMNS_LIMIT = 1_000
NAME_LIMIT = 1_000  # characters

REQUIRED = tuple(name for name, info in Patient.model_fields.items() if info.is_required())
KNOWN = frozenset(COLUMNS)


def read_header(header: bytes, form: Form) -> Form:
    """Return the form with the columns of this header, and with its delimiter if the form has none (`""`).

    Names must match exactly, but for blanks around them. Raises InvalidFile, which lists every fault and repeats no
    name that is not a field's: the first line may be a patient's data.
    """
    text = decode_header(header)
    delimiter = form.delimiter or max(DELIMITERS, key=lambda mark: count_known(text, mark))
    columns = split_header(text, delimiter)
    if len(columns) > COLUMNS_LIMIT:
        raise InvalidFile.whole("too_many_columns", f"has {len(columns)} columns: at most {COLUMNS_LIMIT} are taken")
    if any(len(name) > NAME_LIMIT for name in columns):
        raise InvalidFile.whole("bad_header", f"has a column whose name is longer than {NAME_LIMIT} characters")
    if not KNOWN & set(columns):
        raise InvalidFile.whole("no_header", f"must begin with a header that names the columns: {', '.join(COLUMNS)}")
    if faults := tuple(find_faults(columns, form)):
        raise InvalidFile(errors=faults)
    return replace(form, columns=columns, delimiter=delimiter)


def decode_header(header: bytes) -> str:
    """Return the header as text. Raises InvalidFile unless it is UTF-8 without NUL."""
    try:
        text = header.decode()
    except UnicodeDecodeError:
        raise InvalidFile.whole("not_utf8", "must be UTF-8: save it so, or convert it with iconv") from None
    if "\0" in text:
        raise InvalidFile.whole("nul", "has a NUL byte in its header: is it UTF-16, or no text at all?")
    return text


def count_known(text: str, delimiter: str) -> int:
    """Return how many fields of a patient the header names with this delimiter."""
    try:
        return len(KNOWN & set(split_header(text, delimiter)))
    except InvalidFile:
        return 0


def split_header(text: str, delimiter: str) -> tuple[str, ...]:
    """Return the names in a header. Raises InvalidFile if it has several lines or is not CSV."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        raise InvalidFile.whole("bad_header", "has a header that cannot be read as CSV") from None
    if len(rows) > 1:
        raise InvalidFile.whole("line_ending", "must end its lines with LF or CRLF")
    return tuple(name.strip() for name in rows[0]) if rows else ()


def find_faults(columns: Sequence[str], form: Form) -> Iterator[FieldError]:
    """Yield the faults of the columns: a field by its name, any other column by its position, counted from 1."""
    yield from find_missing(columns)
    yield from find_duplicates(columns)
    for name in SCORE_COLUMNS:
        if name in columns:
            yield FieldError(field=name, code="reserved", message="is a column of the results: rename or remove it")
    if form.id_column and form.id_column not in columns:
        yield FieldError(field="id_column", code="missing", message="must name a column exactly as the header does")


def find_missing(columns: Sequence[str]) -> Iterator[FieldError]:
    """Yield the required fields without a column, with the position of a column whose name is almost the field's."""
    missing = [name for name in REQUIRED if name not in columns]
    others = [(place, name) for place, name in enumerate(columns, start=1) if name not in KNOWN] if missing else []
    meant = {find_nearest(name, missing): place for place, name in others}
    for name in missing:
        spelt = f", named exactly so: column {meant[name]} is named almost so" if name in meant else ""
        yield FieldError(field=name, code="missing", message=f"must be a column{spelt}")


def find_duplicates(columns: Sequence[str]) -> Iterator[FieldError]:
    """Yield a fault for each name that several columns have."""
    places = defaultdict[str, list[int]](list)
    for place, name in enumerate(columns, start=1):
        places[name].append(place)
    for name, same_name in places.items():
        if len(same_name) > 1 and name:
            field = name if name in KNOWN else f"column {same_name[0]}"
            rule = f"must be one column: columns {list_places(same_name)} have one name"
            yield FieldError(field=field, code="doubled", message=rule)
