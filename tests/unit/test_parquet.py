"""Results as Parquet: one valid file, whatever it holds, that says what the CSV does."""

import csv
import io
import json
import threading
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from arro3.core import Table
from arro3.io import read_parquet
from hypothesis import given
from hypothesis import strategies as st

from api.batches.parquet import to_parquet
from api.batches.results import read_rows
from bench.local.conditions import wait_until
from core.ledger.batch import SCORE_COLUMNS, Form, Format, Join
from core.schema.patient import COLUMNS, EXAMPLE

FORM = Form(Format.CSV, ("id", *COLUMNS, "note"), ";")
CODES = {"age": "63", "sex": "male", "cp": "3.0", "trestbps": "145.5", "chol": "", "fbs": '" 1 "', "restecg": "normal"}
CODES |= {"thalach": "1.5e2", "exang": "no", "oldpeak": "-.5", "slope": "0", "ca": "NA", "thal": "0"}
NUMBERS = [63, 1, 3, 145.5, None, 1, 1, 150, 0, -0.5, 0, None, None]
SCORE = ("0.25", "no disease", "disease|no disease", "extrapolating: age", "1.0.0+abc")
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


TAIL = ",0.5,disease,,,v"


def random_text(seed: int) -> str:
    """Return 100,000 letters that no compression makes few."""
    return Random(seed).randbytes(50_000).hex()  # noqa: S311 - no secret


def written(*rows: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def read(blocks: Iterator[bytes]) -> Table:
    return read_parquet(io.BytesIO(b"".join(blocks))).read_all()


def rows_of(table: Table) -> list[dict[str, Any]]:
    columns = [table.column(name).to_pylist() for name in table.column_names]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def test_a_patient_is_numbers_and_all_else_is_what_the_csv_says() -> None:
    cells = tuple(CODES[name] for name in COLUMNS)
    output = written(("007", *cells, 'it\'s; "so"\nhe said', *SCORE)).replace(b'""" 1 """', b'" 1 "')
    table = read(to_parquet([output], FORM, 100))
    assert table.column_names == ["id", *COLUMNS, "note", *SCORE_COLUMNS]
    (row,) = rows_of(table)
    assert [row[name] for name in COLUMNS] == NUMBERS
    assert (row["id"], row["note"]) == ("007", 'it\'s; "so"\nhe said')
    expected = (0.25, "no disease", ["disease", "no disease"], ["extrapolating: age"], "1.0.0+abc")
    assert tuple(row[name] for name in SCORE_COLUMNS) == expected


def test_lines_of_json_come_to_the_same() -> None:
    form = Form(Format.JSONL, delimiter="", id_column="case")
    score = dict(zip(SCORE_COLUMNS, (0.5, "disease", ["disease"], [], "v"), strict=True))
    line = {"case": 7, "other": [1]} | dict(EXAMPLE) | {"cp": "asymptomatic", "thal": 0, "ca": "two"} | score
    (row,) = rows_of(read(to_parquet([json.dumps(line).encode() + b"\n"], form, 100)))
    assert (row["case"], row["cp"], row["thal"], row["ca"]) == ("7", 0, None, 2)
    assert (row["risk"], row["conformal"], row["warnings"]) == (0.5, ["disease"], [])
    assert "other" not in row


@given(st.lists(st.lists(st.tuples(TEXT, TEXT, st.floats(0, 1)), max_size=4), max_size=4))
def test_what_is_read_back_is_what_the_csv_says(parts: list[list[tuple[str, str, float]]]) -> None:
    form = Form(Format.CSV, ("first", "second"), ";")
    outputs = [written(*((first, second, str(risk), *SCORE[1:]) for first, second, risk in part)) for part in parts]
    said = [(first, second, float(risk)) for first, second, risk, *_ in read_rows(b"".join(outputs), ";")]
    found = rows_of(read(to_parquet(outputs, form, 1)))
    assert [(row["first"], row["second"], row["risk"]) for row in found] == said


def test_a_file_without_rows_is_one_and_has_its_columns() -> None:
    table = read(to_parquet([], Form(Format.CSV, ("id",), join=Join.IDS, id_column="id"), 0))
    assert (table.num_rows, table.column_names) == (0, ["id", *SCORE_COLUMNS])


def test_columns_without_a_name_are_told_apart() -> None:
    table = read(to_parquet([b"a,b,c,0.5,disease,,,v\n"], Form(Format.CSV, ("id", "", "")), 0))
    assert table.column_names[:3] == ["id", "column 2", "column 3"]


def test_long_rows_are_sent_on_before_many_of_them_are_held() -> None:
    read_so_far = 0

    def outputs() -> Iterator[bytes]:
        nonlocal read_so_far
        for seed in range(40):
            read_so_far += 1
            yield b"".join(f"{seed}-{n},{random_text(1000 * seed + n)}{TAIL}\n".encode() for n in range(20))

    blocks = to_parquet(outputs(), Form(Format.CSV, ("id", "note")), 100_000)
    first = next(blocks)
    assert read_so_far < 20  # of 80 MB at most 16 are held, and what waits to be taken
    assert read(iter([first, *blocks])).num_rows == 800


def test_an_output_that_cannot_be_read_ends_the_file_with_its_own_error() -> None:
    def outputs() -> Iterator[bytes]:
        yield f"1,x{TAIL}\n".encode()
        raise FileNotFoundError("results/2")

    with pytest.raises(FileNotFoundError, match="results/2"):
        list(to_parquet(outputs(), Form(Format.CSV, ("id", "note")), 10))


def test_a_reader_who_leaves_ends_the_thread_that_writes() -> None:
    output = f"1,{random_text(1)}{TAIL}\n".encode()
    before = threading.active_count()
    blocks = to_parquet((output for _ in range(1_000_000)), Form(Format.CSV, ("id", "note")), 10_000_000)
    next(blocks)
    assert threading.active_count() == before + 1
    del blocks
    wait_until(lambda: threading.active_count() == before, within_s=20, what="the writer to end")
