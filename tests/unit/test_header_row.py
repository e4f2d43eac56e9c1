"""The header of a CSV: what is taken, and that one answer names every fault."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.batches.header import read_header
from core.errors import InvalidFile
from core.ledger.batch import Form, Format, Join
from core.schema.patient import COLUMNS

CSV = Form(Format.CSV, delimiter="")
NAMES = ",".join(COLUMNS)


def faults(header: str | bytes, form: Form = CSV) -> list[tuple[str, str]]:
    with pytest.raises(InvalidFile) as raised:
        read_header(header.encode() if isinstance(header, str) else header, form)
    return [(error.field, error.code) for error in raised.value.errors]


@pytest.mark.parametrize("delimiter", list(",;\t|"))
@pytest.mark.parametrize("quote", ["", '"'])
def test_the_delimiter_is_seen_in_the_header(delimiter: str, quote: str) -> None:
    header = delimiter.join(f" {quote}{name}{quote} " if not quote else f'"{name}"' for name in ["n,ote", *COLUMNS])
    if delimiter == "," and not quote:
        header = header.replace("n,ote", "note")
    form = read_header(header.encode(), CSV)
    assert form.delimiter == delimiter
    assert form.columns[1:] == COLUMNS


def test_a_name_may_have_a_line_feed_or_another_delimiter_in_it() -> None:
    header = ";".join([*COLUMNS, '"first, or\nonly, note"'])
    assert read_header(header.encode(), CSV).columns == (*COLUMNS, "first, or\nonly, note")


def test_a_stated_delimiter_is_obeyed() -> None:
    assert faults(NAMES, Form(Format.CSV, delimiter=";")) == [("file", "no_header")]
    assert read_header(NAMES.encode(), Form(Format.CSV, delimiter=",")).columns == COLUMNS


def test_other_columns_in_any_order_are_passed_through() -> None:
    header = f"id,{NAMES.replace('chol,', '')},Größe,,"
    form = read_header(header.encode(), Form(Format.CSV, delimiter="", join=Join.IDS, id_column="id"))
    assert form.columns == ("id", *(name for name in COLUMNS if name != "chol"), "Größe", "", "")
    assert form.join is Join.IDS


def test_every_fault_is_named() -> None:
    header = f"{NAMES.replace('age', 'Age').replace('sex,', '')},cp,risk,{'x' * 100},{'x' * 100}"
    assert faults(header, Form(Format.CSV, delimiter="", id_column="id")) == [
        ("age", "missing"),
        ("sex", "missing"),
        ("cp", "doubled"),
        ("column 15", "doubled"),
        ("risk", "reserved"),
        ("id_column", "missing"),
    ]


@pytest.mark.parametrize("written", ["Age", " AGE ", "aeg", "agee", "a-g e", "aqe"])
def test_a_name_that_was_certainly_meant_is_told_by_its_column(written: str) -> None:
    with pytest.raises(InvalidFile) as raised:
        read_header(f"id,{NAMES.replace('age', written)}".encode(), CSV)
    [error] = raised.value.errors
    assert (error.field, error.code) == ("age", "missing")
    assert "column 2 is named almost so" in error.message


@pytest.mark.parametrize("written", ["145", "years", "a", "", "Meier", "ca", "x" * 500])
def test_nothing_is_guessed_where_it_is_not_certain(written: str) -> None:
    with pytest.raises(InvalidFile) as raised:
        read_header(f"id,{NAMES.replace('age', written)}".encode(), CSV)
    assert raised.value.errors[0].message == "must be a column"


def test_columns_of_one_name_are_told_by_their_places_and_not_by_the_name() -> None:
    names = ["145"] * 12 + ["Meier", "1", "Meier"]
    with pytest.raises(InvalidFile) as raised:
        read_header(",".join([*COLUMNS, *names]).encode(), CSV)
    assert [error.field for error in raised.value.errors] == ["column 14", "column 26"]
    first, second = (error.message for error in raised.value.errors)
    assert first.endswith("columns 14, 15, 16, 17, 18, 19, 20, 21 and 4 more have one name")
    assert second.endswith("columns 26 and 28 have one name")


@pytest.mark.parametrize(
    "line", ["63,1,3,145,233,1,0,150,0,2.3,0,0,1", "Mary,63,Mary", "", " ", '{"age": 63}', "\ufeff", "a b c"]
)
def test_a_first_line_that_names_no_field_is_no_header_and_not_repeated(line: str) -> None:
    with pytest.raises(InvalidFile) as raised:
        read_header(line.encode(), CSV)
    (error,) = raised.value.errors
    assert error.code == "no_header"
    assert "Mary" not in error.message
    assert "63" not in error.message


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (NAMES.encode("utf-16"), "not_utf8"),
        (NAMES.encode("utf-16-le"), "nul"),
        (NAMES.encode() + b"\0", "nul"),
        ("Größe,".encode("latin-1") + NAMES.encode(), "not_utf8"),
        (NAMES.encode() + b"\r1,2,3\r4,5,6", "line_ending"),
        (b"age," * 10_000, "too_many_columns"),
        (b"age," + b"x" * 200_000, "bad_header"),
        (b"age," + b"x" * 1_001, "bad_header"),
    ],
)
def test_what_is_no_header_of_ours_is_refused(header: bytes, code: str) -> None:
    assert faults(header) == [("file", code)]


@given(st.binary(max_size=200))
def test_no_bytes_break_it(header: bytes) -> None:
    with pytest.raises(InvalidFile):
        read_header(header, CSV)
