"""The cutter: whatever the file and however it arrives, parts are whole records and nothing is lost between them."""

import csv
import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidFile
from core.table.splitter import BOM, FilePart, RecordSplitter

HEADER = b'age,"sex\nor ""gender"""'
cells = st.text(alphabet='ab",;\n\r é', max_size=6)
tables = st.lists(st.lists(cells, min_size=2, max_size=3), min_size=1, max_size=12)


def run(
    chunks: list[bytes], *, quoted: bool = True, limit: int = 1_000, part_bytes: int = 1
) -> tuple[bytes, list[FilePart]]:
    """Return the header and the parts of a file that comes in these chunks."""
    headers: list[bytes] = []

    def take(header: bytes) -> str:
        headers.append(header)
        return ","

    cutter = RecordSplitter(take if quoted else None, record_limit_bytes=limit, part_bytes=part_bytes)
    cuts = [cut for chunk in chunks for cut in cutter.feed(chunk)]
    cuts += cutter.finish()
    return b"".join(headers), cuts


def split(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def fault(raised: pytest.ExceptionInfo[InvalidFile]) -> tuple[str, str]:
    (error,) = raised.value.errors
    return error.code, error.message


@given(
    tables,
    st.lists(st.integers(0, 10_000), max_size=8),
    st.integers(1, 60),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_parts_of_a_csv_are_whole_records_and_together_the_file(
    table: list[list[str]], places: list[int], part_bytes: int, ending: str, mark: bool, ended: bool, quoting: int
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=ending, quoting=quoting).writerows([["first"], *table])  # type: ignore[arg-type]
    whole = text.getvalue().encode()
    first, _, body = whole.partition(ending.encode())
    sent = whole if ended else whole.removesuffix(ending.encode())
    if not body.strip():
        return
    header, cuts = run(split(BOM * mark + sent, places), part_bytes=part_bytes)
    assert header == first
    joined = b"".join(cut.data for cut in cuts)
    assert joined == (body if ended else body.removesuffix(ending.encode()) + b"\n")
    assert [row for cut in cuts for row in read(cut.data)] == read(joined)
    assert all(len(cut.data) >= part_bytes for cut in cuts[:-1])
    line = 2
    for cut in cuts:
        assert (cut.first_line, cut.lines) == (line, cut.data.count(b"\n"))
        line += cut.lines


@given(st.text(alphabet='ab",\n\r', max_size=60), st.lists(st.integers(0, 10_000), max_size=8))
def test_wherever_quotes_stand_parts_begin_where_the_csv_module_sees_a_record(text: str, places: list[int]) -> None:
    body = text.encode() + b"\n"
    try:
        _, cuts = run(split(b"h\n" + body, places))
    except InvalidFile as error:
        blank = not body.strip()
        assert error.errors[0].code == ("empty" if blank else "unclosed_quote")  # noqa: PT017
        return
    assert b"".join(cut.data for cut in cuts) == body
    assert [row for cut in cuts for row in read(cut.data)] == read(body)


@given(st.lists(st.text(alphabet='{}" \\éx', max_size=9), min_size=1), st.lists(st.integers(0, 10_000), max_size=8))
def test_in_json_lines_each_line_is_a_record_whatever_its_quotes(lines: list[str], places: list[int]) -> None:
    sent = "\n".join([*lines, "{}"]).encode()
    header, cuts = run(split(sent, places), quoted=False)
    assert header == b""
    assert b"".join(cut.data for cut in cuts) == sent + b"\n"
    assert all(cut.data.endswith(b"\n") for cut in cuts)
    assert sum(cut.lines for cut in cuts) == len(lines) + 1


def test_a_header_may_have_a_line_feed_between_its_quotes() -> None:
    header, (cut,) = run([HEADER + b"\r\n", b"1,2\r\n"])
    assert header == HEADER
    assert cut == FilePart(b"1,2\r\n", first_line=3, lines=1)


@given(st.integers(95, 105), st.lists(st.integers(0, 10_000), max_size=5), st.integers(0, 200), st.booleans())
def test_a_record_above_the_limit_is_refused_however_it_arrives(
    size: int, places: list[int], before: int, quoted: bool
) -> None:
    record = (b'"' + b"\n" * (size - 3) + b'"' if quoted else b"x" * (size - 1)) + b"\n"
    chunks = split(b"h\n" + b"1\n" * before + record + b"1\n", places)
    if size <= 100:
        assert b"".join(cut.data for cut in run(chunks, limit=100)[1]) == b"1\n" * before + record + b"1\n"
    else:
        with pytest.raises(InvalidFile) as raised:
            run(chunks, limit=100)
        assert fault(raised) == ("record_too_long", f"line {2 + before} begins a record of more than 100 bytes")


def test_a_long_record_is_refused_before_it_is_held() -> None:
    cutter = RecordSplitter(lambda _: ",", record_limit_bytes=1_000_000)
    list(cutter.feed(b"h\n"))
    for _ in range(15):
        assert list(cutter.feed(b"x" * 65_536)) == []
    with pytest.raises(InvalidFile):
        list(cutter.feed(b"x" * 65_536))


def test_a_header_above_the_limit_is_refused() -> None:
    with pytest.raises(InvalidFile) as raised:
        run([b"x" * 2_000])
    assert fault(raised)[0] == "record_too_long"
    assert fault(raised)[1].startswith("line 1 begins a record of more than 1000 bytes; if curl sent it")


@pytest.mark.parametrize("file", [b"", BOM, b"h\n", b"h\r\n\r\n\n", b"\n"])
def test_a_file_without_a_record_is_refused(file: bytes) -> None:
    with pytest.raises(InvalidFile) as raised:
        run([file])
    assert fault(raised)[0] == "empty"


@pytest.mark.parametrize("file", [b"h", b"\xef", BOM + b"age,sex", b"age,sex,63,1", b" h ", b'"h"'])
def test_a_file_of_one_line_that_does_not_end_is_told_how_that_comes(file: bytes) -> None:
    for chunks in ([file], [file[place : place + 1] for place in range(len(file))]):
        with pytest.raises(InvalidFile) as raised:
            run(chunks)
        assert fault(raised)[0] == "one_line"
        assert "--data-binary" in fault(raised)[1]


def test_a_quote_that_is_never_closed_is_named_by_its_line() -> None:
    with pytest.raises(InvalidFile) as raised:
        run([b'h\n1\n2\n"3\n4\n5'])
    assert fault(raised) == ("unclosed_quote", "line 4 begins a record with a double quote that is never closed")


def test_what_the_header_check_raises_ends_it_before_any_part() -> None:
    def refuse(_header: bytes) -> str:
        raise InvalidFile

    cutter = RecordSplitter(refuse, record_limit_bytes=1_000, part_bytes=1)
    with pytest.raises(InvalidFile):
        list(cutter.feed(b"h\n1\n2\n"))
