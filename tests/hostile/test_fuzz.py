"""The cutter of CSV against the standard library's csv module: the same rows, wherever the bytes of a file are split.

`HYPOTHESIS_PROFILE=long` tries 3,000 examples of each instead of 100.
"""

import csv
import io
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from api.batches.header import read_header
from api.batches.results import read_rows
from core.errors import InvalidFile
from core.ledger.batch import Form, Format
from core.schema.patient import COLUMNS
from core.table.splitter import BOM, RecordSplitter

LIMIT_BYTES = 10_000
ENDINGS = st.sampled_from(["\n", "\r\n"])
DELIMITERS = st.sampled_from(",;\t|")
PLACES = st.lists(st.integers(0, 100_000), max_size=10)
CELLS = st.one_of(st.text(alphabet='a",;\t|\n\r é\0', max_size=8), st.text(max_size=12))
WRITTEN = CELLS.filter(lambda cell: "\r" not in cell.replace("\r\n", ""))
"""What a writer puts between quotes; a lone carriage return ends a row for the csv module, and none for us."""
TABLES = st.lists(st.lists(WRITTEN, min_size=1, max_size=4), min_size=1, max_size=12)
RAW = st.text(alphabet='a",;\n\r', max_size=80).filter(lambda text: "\r" not in text.replace("\r\n", ""))


def split(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Return the bytes in the pieces that they come in."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def cut(data: bytes, places: Sequence[int], delimiter: str, part_bytes: int) -> tuple[bytes, list[bytes]]:
    """Return the header and the parts of a file."""
    headers: list[bytes] = []

    def take(header: bytes) -> str:
        headers.append(header)
        return delimiter

    cutter = RecordSplitter(take, record_limit_bytes=LIMIT_BYTES, part_bytes=part_bytes)
    cuts = [part for piece in split(data, places) for part in cutter.feed(piece)]
    cuts += cutter.finish()
    return headers[0], [part.data for part in cuts]


def rows_of(text: str, delimiter: str) -> list[list[str]]:
    """Return the rows that the csv module sees."""
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


@given(TABLES, PLACES, DELIMITERS, ENDINGS, st.integers(1, 80), st.booleans(), st.booleans())
def test_what_the_csv_module_writes_is_cut_into_the_rows_that_it_reads(
    table: list[list[str]], places: list[int], delimiter: str, ending: str, part_bytes: int, mark: bool, ended: bool
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=ending).writerows([["first", "second"], *table])
    whole = text.getvalue() if ended else text.getvalue().removesuffix(ending)
    body = whole.partition(ending)[2]
    try:
        header, parts = cut(BOM * mark + whole.encode(), places, delimiter, part_bytes)
    except InvalidFile as error:
        assert error.errors[0].code == "empty"  # noqa: PT017
        assert not body.strip()
        return
    assert header.decode() == delimiter.join(("first", "second"))
    assert [row for part in parts for row in rows_of(part.decode(), delimiter)] == rows_of(body, delimiter)


@given(RAW, PLACES, DELIMITERS, st.integers(1, 40))
@example('a"b\n"c""\nd",e\n', [3, 9], ",", 1)
def test_whatever_is_sent_is_cut_between_rows_and_read_back_as_the_csv_module_would(
    text: str, places: list[int], delimiter: str, part_bytes: int
) -> None:
    try:
        _, parts = cut(b"h\n" + text.encode(), places, delimiter, part_bytes)
    except InvalidFile as error:
        assert error.errors[0].code in ("empty", "unclosed_quote")  # noqa: PT017
        return
    whole = b"".join(parts)
    assert whole.decode() == text + "\n" * (not text.endswith("\n"))
    expected = rows_of(whole.decode(), delimiter)
    assert [row for part in parts for row in rows_of(part.decode(), delimiter)] == expected
    assert [row for part in parts for row in read_rows(part, delimiter)] == expected


@given(st.text(alphabet='a",;\n\r', max_size=60), PLACES, PLACES, DELIMITERS)
def test_how_a_file_is_split_on_its_way_changes_nothing(
    text: str, places: list[int], others: list[int], delimiter: str
) -> None:
    def outcome(places: list[int]) -> object:
        try:
            header, parts = cut(b"h\n" + text.encode(), places, delimiter, 16)
        except InvalidFile as error:
            return error.errors
        return header, b"".join(parts)

    assert outcome(places) == outcome(others)


NAMES = st.lists(WRITTEN.filter(lambda name: "\0" not in name), max_size=4)


@given(NAMES, DELIMITERS, st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_a_header_has_the_columns_that_the_csv_module_reads(names: list[str], delimiter: str, quoting: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=quoting).writerow([*COLUMNS, *names])  # type: ignore[arg-type]
    header = text.getvalue().removesuffix("\n")
    [expected] = rows_of(header, delimiter)
    try:
        columns = read_header(header.encode(), Form(Format.CSV, delimiter=delimiter)).columns
    except InvalidFile as error:
        assert {fault.code for fault in error.errors} <= {"doubled", "reserved", "line_ending"}  # noqa: PT017
        return
    assert list(columns) == [name.strip() for name in expected]
