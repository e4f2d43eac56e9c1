"""Results in another format: the same rows, with the same values."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.batches.download import choose_conversion
from api.batches.results import cut_rows, header_of, read_rows, read_whole_rows, split_rows, to_objects, to_rows
from core.ledger.batch import SCORE_COLUMNS, Form, Format, Join
from core.schema.patient import COLUMNS

FORM = Form(Format.CSV, ("id", *COLUMNS, "note"), ";")
CELLS = ("7", "63", "1", "3.0", "145", "", "1", "na", "150", "0", "2.3", "0", "0", "fixed", 'it\'s; "so"\nhe said')
SCORE = ("0.25", "no disease", "disease|no disease", "", "1.0.0+abc")
TEXTS = st.lists(st.text(alphabet='ab;"\n=é', max_size=5), min_size=2, max_size=2)


def written(*rows: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def test_the_header_names_all_columns_and_quotes_what_it_must() -> None:
    form = Form(Format.CSV, ("id", "a;b", *COLUMNS), ";")
    assert header_of(form).decode() == ";".join(("id", '"a;b"', *COLUMNS, *SCORE_COLUMNS)) + "\n"
    ids = Form(Format.JSONL, delimiter="", join=Join.IDS, id_column="case")
    assert header_of(ids).decode() == ",".join(("case", *SCORE_COLUMNS)) + "\n"


def test_a_row_becomes_an_object_with_numbers_where_a_patient_has_them() -> None:
    (block,) = to_objects(written(CELLS + SCORE), FORM)
    found = json.loads(block)
    assert list(found) == ["id", *COLUMNS, "note", *SCORE_COLUMNS]
    assert found["id"] == "7"
    assert (found["age"], found["cp"], found["chol"], found["restecg"]) == (63, 3, None, None)
    assert (found["oldpeak"], found["thal"], found["note"]) == (2.3, "fixed", CELLS[-1])
    assert (found["risk"], found["conformal"], found["warnings"]) == (0.25, ["disease", "no disease"], [])


def test_an_object_becomes_a_row_with_the_columns_that_are_known_in_advance() -> None:
    form = Form(Format.JSONL, delimiter="", id_column="case")
    patient = dict.fromkeys(COLUMNS, 1) | {"chol": None, "thal": "fixed", "oldpeak": 2.5}
    score = dict(zip(SCORE_COLUMNS, (0.5, "disease", ["a", "b"], [], "v"), strict=True))
    line = {"case": 'a "b"', "other": [1]} | patient | score
    (block,) = to_rows(json.dumps(line).encode() + b"\n", form)
    (row,) = csv.DictReader(io.StringIO(header_of(form).decode() + block.decode(), newline=""))
    assert (row["case"], row["chol"], row["thal"], row["oldpeak"]) == ('a "b"', "", "fixed", "2.5")
    assert (row["risk"], row["conformal"], row["warnings"]) == ("0.5", "a|b", "")


@given(st.lists(TEXTS, max_size=9), st.integers(1, 60))
def test_a_part_that_is_read_a_little_at_a_time_is_given_in_whole_rows(texts: list[list[str]], read_bytes: int) -> None:
    form = Form(Format.CSV, ("first", "second"), ";")
    output = written(*((first, second, *SCORE) for first, second in texts))
    given_rows = list(read_whole_rows(lambda start, end: output[start:end], len(output), form, read_bytes))
    assert b"".join(given_rows) == output
    assert [row for rows in given_rows for row in read_rows(rows, ";")] == list(read_rows(output, ";"))


@given(st.lists(st.text(alphabet='a"é', max_size=5), max_size=9), st.integers(1, 60))
def test_lines_that_are_read_a_little_at_a_time_are_given_whole(lines: list[str], read_bytes: int) -> None:
    output = "".join(json.dumps({"note": line}) + "\n" for line in lines).encode()
    form = Form(Format.JSONL, delimiter="")
    given_rows = list(read_whole_rows(lambda start, end: output[start:end], len(output), form, read_bytes))
    assert b"".join(given_rows) == output
    assert all(rows.endswith(b"\n") for rows in given_rows)


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_text_that_came_in_a_cell_is_the_same_in_an_object(texts: list[list[str]]) -> None:
    form = Form(Format.CSV, ("first", "second"), ";")
    rows = [(first or "x", second, *SCORE) for first, second in texts]
    blocks = b"".join(to_objects(written(*rows), form))
    found = [json.loads(line) for line in blocks.splitlines()]
    assert [(each["first"], each["second"]) for each in found] == [row[:2] for row in rows]


def test_a_carriage_return_within_a_row_ends_none() -> None:
    form = Form(Format.CSV, ("first", "second"), ";")
    tail = ";".join(("", *SCORE)).encode()
    output = b'a\rb;"c\r""d"' + tail + b"\r\n" + b'\r;a\r"b;c"' + tail + b"\n" + b"1;x\r" + tail + b"\r\n"
    found = [json.loads(line) for line in b"".join(to_objects(output, form)).splitlines()]
    assert [(each["first"], each["second"]) for each in found] == [("a\rb", 'c\r"d'), ("\r", 'a\r"b;c"'), ("1", "x\r")]
    assert all(each["model_version"] == SCORE[-1] for each in found)


def test_rows_are_read_alike_with_and_without_python_s_own_reader() -> None:
    output = written(CELLS + SCORE, CELLS + SCORE, *[("", '"', "\r\n", ";")] * 3)
    assert list(split_rows(output, ";")) == list(read_rows(output, ";"))
    assert len(list(read_rows(output, ";"))) == 5


def test_a_cell_may_be_as_long_as_a_record() -> None:
    (block,) = to_objects(written(("x" * 900_000, "", *SCORE)), Form(Format.CSV, ("first", "second"), ";"))
    assert len(json.loads(block)["first"]) == 900_000


def test_what_is_sent_as_it_is_is_not_touched() -> None:
    assert choose_conversion(Format.CSV, FORM, spreadsheet_safe=False) is None
    assert choose_conversion(Format.JSONL, Form(Format.JSONL), spreadsheet_safe=True) is None


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_rows_are_cut_between_rows_and_none_is_lost(ending: bytes) -> None:
    rows = [b'1,"a\n' + b"x" * size + b'"' + ending for size in (5, 100_000, 300_000, 5, 140_000)] * 2
    cut = list(cut_rows(b"".join(rows), ","))
    assert b"".join(cut) == b"".join(rows)
    assert all(block.endswith(b'"' + ending) for block in cut)
    assert len(cut) > 3


def test_no_cell_is_run_by_a_spreadsheet_where_that_is_asked_for() -> None:
    turn = choose_conversion(Format.CSV, FORM, spreadsheet_safe=True)
    assert turn
    assert b"".join(turn([b"=1+1;-5;x\r\n"])) == b'"\'=1+1";-5;x\r\n'
    turn = choose_conversion(Format.CSV, Form(Format.JSONL, delimiter="", id_column="id"), spreadsheet_safe=True)
    assert turn
    assert b"".join(turn([b'{"id": "=1+1"}\n'])).startswith(b'"\'=1+1",')


@pytest.mark.parametrize("text", ["\n=1+1", "\t=1+1", "\r=1+1", "\n\r\t x", " =1+1", "\uff1d1+1", "\ufeff@x"])
@pytest.mark.parametrize("delimiter", ["", "\t", ";"])
def test_an_object_s_text_is_not_run_as_a_cell(text: str, delimiter: str) -> None:
    turn = choose_conversion(Format.CSV, Form(Format.JSONL, delimiter=delimiter, id_column="id"), spreadsheet_safe=True)
    assert turn
    block = b"".join(turn([json.dumps({"id": text, "thal": text}).encode() + b"\n"])).decode()
    [row] = csv.reader(io.StringIO(block, newline=""), delimiter=delimiter or ",")
    assert (row[0], row[1 + COLUMNS.index("thal")]) == (f"'{text}", f"'{text}")


def test_a_name_in_the_header_is_not_run_either() -> None:
    form = Form(Format.CSV, ("=1+1", "\n@x", "plain", *COLUMNS), ",")
    [row] = csv.reader(io.StringIO(header_of(form, spreadsheet_safe=True).decode(), newline=""))
    assert row[:3] == ["'=1+1", "'\n@x", "plain"]
    assert header_of(form).startswith(b'=1+1,"\n@x",plain,')
