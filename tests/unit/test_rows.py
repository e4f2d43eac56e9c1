"""Where the rows and cells of a part are, against the standard library's csv module."""

import csv
import io
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import InvalidFile
from core.table.cell import unquote
from core.table.splitter import FilePart, RecordSplitter
from tests.files import EXAMPLES
from worker.bulk.rows import Rows, cut_rows


def cells(rows: Rows) -> list[list[bytes]]:
    """Return the cells of every row."""
    return [rows.cells_of(row) for row in range(len(rows))]


@settings(max_examples=EXAMPLES)
@given(st.text(st.sampled_from('a1,"\n '), max_size=24), st.sampled_from(",;|\t"))
@example('"a"b"c,d",1\n', ",")
@example('a""b,"",""""\n', ",")
@example('"a"",""b"\n', ",")
@example('"a\n', ",")
@example('1,"a,\nb', ",")
def test_any_text_is_cut_as_the_csv_module_does(text: str, delimiter: str) -> None:
    text = text.replace(",", delimiter)
    rows = cut_rows(text.encode(), delimiter)
    # The module keeps the line feed that an open quote takes in, and cannot say that it is never closed.
    whole = text if text.endswith("\n") else text + "\n"
    read = [row for row in csv.reader(io.StringIO(whole, newline="\n"), delimiter=delimiter) if row]
    if rows.unclosed:
        read[-1][-1] = read[-1][-1].removesuffix("\n")
    assert [[unquote(cell).decode() for cell in row] for row in cells(rows)] == read
    assert all(rows.widths == [len(row) for row in read])
    for column in range(max(rows.widths, default=0)):
        for width in set(rows.widths.tolist()) - set(range(column + 1)):
            places = np.flatnonzero(rows.widths == width)
            found = list(rows.slices(*rows.cells(column, width, places)))
            assert found == [cells(rows)[place][column] for place in places]


@pytest.mark.parametrize(
    ("data", "rows", "crlf"),
    [
        (b"", [], []),
        (b"\n\r\n\n", [], []),
        (b"a\nb\n", [b"a", b"b"], [False, False]),
        (b"a\r\nb", [b"a", b"b"], [True, False]),
        (b"\na\n\r\n\nb\r\n\n", [b"a", b"b"], [False, True]),
        (b"a\rb\r\r\nc\r", [b"a\rb\r", b"c"], [True, True]),
        (b'"a\r\nb"\r\n', [b'"a\r\nb"'], [True]),
        (b" \n", [b" "], [False]),
    ],
)
def test_a_row_ends_at_a_line_feed_outside_quotes_and_empty_lines_are_none(
    data: bytes, rows: list[bytes], crlf: list[bool]
) -> None:
    cut = cut_rows(data, ",")
    assert list(cut.slices(cut.starts, cut.ends)) == rows
    assert cut.crlf.tolist() == crlf


@settings(max_examples=EXAMPLES)
@given(st.text(st.sampled_from('aa,"\n\r'), max_size=40), st.integers(1, 12), st.booleans())
@example('\r"\n,"\na\n', 1, True)
def test_the_parts_of_a_file_have_the_rows_of_the_file(text: str, part_bytes: int, is_csv: bool) -> None:
    """What the gateway takes for the end of a row, the worker does too."""
    delimiter, data = ("," if is_csv else ""), text.encode()
    cutter = RecordSplitter((lambda _: ",") if is_csv else None, record_limit_bytes=1_000, part_bytes=part_bytes)
    cuts = list[FilePart]()
    with suppress(InvalidFile):  # of what holds no row, or ends within a quote; what was cut before stands
        cuts += cutter.feed(b"header\n" * is_csv + data)
        cuts += cutter.finish()
    parts = [cut_rows(cut.data, delimiter) for cut in cuts]
    assert not any(part.unclosed for part in parts)
    whole = cut_rows(b"".join(cut.data for cut in cuts), delimiter)
    assert [row for part in parts for row in part.slices(part.starts, part.ends)] == list(
        whole.slices(whole.starts, whole.ends)
    )


def test_what_is_no_csv_has_no_quotes() -> None:
    cut = cut_rows(b'{"a":"\n"}\n')
    assert cells(cut) == [[b'{"a":"'], [b'"}']]
    assert not cut.unclosed
