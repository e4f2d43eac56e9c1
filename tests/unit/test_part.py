"""A part of a CSV, scored by age: every byte that was sent comes back, and every row that cannot be scored is told."""

import csv
import io
from dataclasses import replace
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from core.ledger.batch import SCORE_COLUMNS, Join
from core.schema.patient import COLUMNS
from tests.files import CSV, EXAMPLES, TAIL, csv_row, faults, score, told
from worker.bulk import part
from worker.bulk.output import write_risks

NOTES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
GOOD = {"age": ["34", "34.0", '"34"'], "sex": ["0", "female", '"female"', "0.0"], "chol": ["", "NA", "233", "0"]}
BAD = {"age": ["", "17", "old"], "sex": ["2", "Female", "true"], "chol": ["59", "x"]}


@st.composite
def rows(draw: st.DrawFn) -> tuple[bytes, int]:
    """Return a row as bytes, and how many of its fields are wrong."""
    cells = {name: draw(st.sampled_from(spelt)) for name, spelt in GOOD.items()}
    wrong = draw(st.sets(st.sampled_from(list(BAD)))) if draw(st.booleans()) else set()
    cells |= {name: draw(st.sampled_from(BAD[name])) for name in wrong}
    note = draw(NOTES)
    bare = not set(note) & set(',"\r\n') and draw(st.booleans())
    note = note if bare else '"' + note.replace('"', '""') + '"'
    return csv_row(draw(st.sampled_from([b"\n", b"\r\n"])), note=note, **cells), len(wrong)


@settings(max_examples=EXAMPLES)
@given(st.lists(st.tuples(rows(), st.sampled_from([b"", b"\n", b"\r\n"])), max_size=8))
def test_every_byte_of_a_scored_row_comes_back(sent: list[tuple[tuple[bytes, int], bytes]]) -> None:
    scored = score(b"".join(blank + row for (row, _), blank in sent))
    assert scored.output == b"".join(with_tail(row) for (row, wrong), _ in sent if not wrong)
    begins = accumulate((blank.count(b"\n") + row.count(b"\n") for (row, _), blank in sent), initial=2)
    lines = [begin + blank.count(b"\n") for begin, (_, blank) in zip(begins, sent, strict=False)]
    told_lines = [line for line, ((_, wrong), _) in zip(lines, sent, strict=True) for _ in range(wrong)]
    assert [line for line, _, _ in faults(scored)] == told_lines
    assert (scored.rows, scored.rejected) == (len(sent), sum(wrong > 0 for (_, wrong), _ in sent))


def with_tail(row: bytes) -> bytes:
    """Return the row of a patient of 34 with what is added to it."""
    ending = b"\r\n" if row.endswith(b"\r\n") else b"\n"
    return row.removesuffix(ending) + b"," + TAIL + ending


def test_what_is_added_is_named_by_the_columns() -> None:
    output = score(csv_row() + csv_row(age=60) + csv_row(age=78) + csv_row(age=110)).output.decode()
    read = list(csv.DictReader(io.StringIO(output), fieldnames=[*CSV.columns, *SCORE_COLUMNS]))
    assert [[row[name] for name in SCORE_COLUMNS] for row in read] == [
        ["0.283333333", "no disease", "disease|no disease", "", "by-age"],
        ["0.5", "disease", "disease|no disease", "", "by-age"],
        ["0.65", "disease", "disease|no disease", "extrapolating: age", "by-age"],
        ["0.916666667", "disease", "disease", 'extrapolating: age|extrapolating: all; "more"', "by-age"],
    ]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter_separates_what_is_added_as_well(delimiter: str) -> None:
    form = replace(CSV, delimiter=delimiter)
    output = score(csv_row(delimiter=delimiter, age=110, note="a,b"), form).output.decode()
    [row] = csv.reader(io.StringIO(output), delimiter=delimiter)
    assert row[-6:-2] == ["a,b", "0.916666667", "disease", "disease"]
    assert row[-2] == 'extrapolating: age|extrapolating: all; "more"'


def test_the_ids_alone_come_back_where_that_is_asked_for() -> None:
    form = replace(CSV, join=Join.IDS, id_column="id")
    data = csv_row(id="a") + csv_row(id="b", age=1) + csv_row(b"\r\n", id='"c,""\n"')
    assert score(data, form).output == b"a,%b\n" % TAIL + b'"c,""\n",%b\r\n' % TAIL
    last = replace(CSV, join=Join.IDS, id_column="note")
    assert score(csv_row(b"\r\n", note="z"), last).output == b"z,%b\r\n" % TAIL


def test_columns_are_found_by_name_and_cholesterol_may_lack() -> None:
    names = ("x", *reversed(COLUMNS))
    [row] = csv.reader([csv_row().decode()])
    cells = dict(zip(CSV.columns, row, strict=True)) | {"x": "="}
    for kept in (names, tuple(name for name in names if name != "chol")):
        data = ",".join(cells[name] for name in kept).encode()
        assert score(data, replace(CSV, columns=kept)).output == data + b"," + TAIL + b"\n"


def test_the_last_row_of_a_file_need_not_end_its_line() -> None:
    assert score(csv_row(b"")).output == csv_row(b"") + b"," + TAIL + b"\n"
    assert score(b"").output == b""
    assert score(b"\n\r\n").rows == 0


@pytest.mark.parametrize(
    ("row", "code", "message"),
    [
        (csv_row(note="a,b"), "ragged", "must have 15 cells, as the header has, not 16"),
        (b"34\n", "ragged", "must have 15 cells, as the header has, not 1"),
        (b" \n", "ragged", "must have 15 cells, as the header has, not 1"),
        (csv_row(note="a\0"), "nul", "must not hold a NUL byte"),
        (csv_row(id="\0"), "nul", "must not hold a NUL byte"),
        (csv_row(age="3\0004"), "nul", "must not hold a NUL byte"),
        (csv_row().replace(b"p1", b"\xff"), "not_utf8", "must be UTF-8"),
        (csv_row(age="x").replace(b"p1", b"\xc3"), "not_utf8", "must be UTF-8"),
    ],
)
def test_one_bad_row_does_not_harm_its_neighbours(row: bytes, code: str, message: str) -> None:
    scored = score(csv_row() + row + csv_row(age="x") + csv_row())
    assert scored.output == with_tail(csv_row()) * 2
    assert told(scored)[0] == (3, None, code, message)
    assert faults(scored)[1:] == [(4, "age", "wrong_type")]


def test_a_quote_that_is_never_closed_is_refused_even_where_the_cells_are_all_there() -> None:
    """What is added would stand inside it."""
    scored = score(csv_row() + csv_row(note='"a') + csv_row())
    assert scored.output == with_tail(csv_row())
    assert told(scored) == [(3, None, "unclosed_quote", "must close the quote that it opens")]


def test_a_quote_inside_a_cell_harms_no_one() -> None:
    data = csv_row(note="5'10\"") + csv_row(note='"a"b"c')
    assert score(data).output == b"".join(map(with_tail, data.splitlines(keepends=True)))


def test_lines_are_those_of_the_users_file() -> None:
    scored = score(csv_row(note='"\n\n"', age=1) + b"\n" + csv_row(age=1, sex="?", chol="x"), first_line=100)
    assert faults(scored) == [
        (100, "age", "out_of_bounds"),
        (104, "age", "out_of_bounds"),
        (104, "sex", "unknown_code"),
        (104, "chol", "wrong_type"),
    ]


def test_no_error_shows_a_value() -> None:
    secret = csv_row(age="54321", sex="54321", chol="54321x") + csv_row(note="54321,54321") + b"54321\xff\n54321\0\n"
    scored = score(secret)
    assert scored.rejected == 4
    assert b"4321" not in scored.errors


def test_a_very_long_cell_comes_back() -> None:
    data = csv_row(note="x" * 2_000_000) + csv_row(age="3" * 2_000_000) + csv_row(age="34." + "0" * 2_000_000)
    scored = score(data)
    assert scored.output == with_tail(data.splitlines(keepends=True)[0]) + with_tail(data.splitlines(keepends=True)[2])
    assert faults(scored) == [(3, "age", "not_finite")]


def test_faults_beyond_measure_are_counted_and_no_longer_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a few megabytes of commas would become hundreds of errors."""
    monkeypatch.setattr("worker.bulk.errors.LISTED", 4)
    wrong = csv_row(age="", sex="", cp="")
    scored = score(wrong * 2 + csv_row() + wrong * 3)
    assert (scored.rejected, scored.scored) == (5, 1)
    assert [line for line, _, _ in faults(scored)] == [2, 2, 2, 3, 3, 3, 5]
    assert faults(scored)[-1] == (5, None, "unlisted")


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of three rows."""
    monkeypatch.setattr(part, "BLOCK_ROWS", 3)


@pytest.mark.usefixtures("small_blocks")
def test_a_part_of_several_blocks_comes_back_whole_and_in_order() -> None:
    data = b"".join(csv_row(id=number) for number in range(10))
    assert score(data).output == b"".join(map(with_tail, data.splitlines(keepends=True)))


@given(st.lists(st.integers(0, 10**9) | st.sampled_from([0, 1, 10, 10**4, 5 * 10**8, 10**9 - 1, 10**9])))
def test_a_risk_is_written_as_the_json_of_an_answer_writes_it(billionths: list[int]) -> None:
    risks = [number / 10**9 for number in billionths]
    texts = write_risks(np.array(risks), b",")
    assert [float(text[1:]) for text in texts] == risks
    assert all(b"e" in to_json(risk) or text == b"," + to_json(risk) for risk, text in zip(risks, texts, strict=True))
