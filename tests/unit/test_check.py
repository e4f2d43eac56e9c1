"""The check of a file's columns, held against the check of one patient: value by value and message by message."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError
from typing_extensions import override

from core.ledger.batch import Form, Format
from core.schema.field import Category, Field, Measure
from core.schema.patient import COLUMNS, EXAMPLE, Patient, Row, fields_of_patient
from core.table.cell import read_cell
from models.features import to_matrix
from models.scorer import Predictions
from tests.files import EXAMPLES, ByAge, told
from worker.bulk.check import REFUSED, EightBytes, check_column, check_texts, group
from worker.bulk.part import score_part
from worker.bulk.rows import cut_rows

FIELDS = fields_of_patient()
FORM = Form(Format.CSV, COLUMNS)
ODD = ["", " ", "NA", "nan", "null", "None", "?", "x", "inf", "1_0", "1e999", "-", ".", "1e", "0x1", "1 2", "-0", "0"]


class Listening(ByAge):
    """Scores by age, and keeps every matrix that it is given."""

    def __init__(self) -> None:
        self.heard: list[NDArray[np.float32]] = []

    @override
    def predict(self, matrix: NDArray[np.float32]) -> Predictions:
        self.heard.append(matrix)
        return super().predict(matrix)


def written(field: Field) -> st.SearchStrategy[str]:
    """Return cells of a column, of which about half state what the field takes."""
    numbers = st.floats(allow_nan=False) | st.integers(-5, 300)
    if isinstance(field, Category):
        known = st.sampled_from([*field.names, *field.names.values(), *field.missing, *map(float, field.names)])
    else:
        known = st.floats(*field.hard) | st.sampled_from([*field.hard, *np.nextafter(field.hard, 1e9)])
        known |= st.floats(*field.hard).map(lambda value: round(value, 1))
    spelt = st.sampled_from(
        ["{}", "{}", "{}", " {}\t", '"{}"', '" {} "', "+{}", "{}e0", "0{}", "{}.", "'{}'", '"""{}"""', '"{}"x']
    )
    cell = st.builds(str.format, spelt, known | known | known | numbers | st.sampled_from(ODD))
    return cell | st.text(st.sampled_from("0123456789.eE+-ané \t"), max_size=20)


def read_row(cells: dict[str, str]) -> Row | list[tuple[str, str, str]]:
    """Return what the check of one patient says: the row, or what is wrong."""
    try:
        return Patient.model_validate({name: read_cell(cell.encode()) for name, cell in cells.items()}).to_row()
    except ValidationError as error:
        return [(str(told["loc"][0]), told["type"], told["msg"]) for told in error.errors()]


changes = st.fixed_dictionaries({}, optional={name: written(field) for name, field in FIELDS.items()})
sent = {name: str({"chol": "", **EXAMPLE}[name]) for name in COLUMNS}


@settings(max_examples=EXAMPLES)
@given(st.lists(changes.map(lambda changed: {**sent, **changed}), min_size=1, max_size=8))
def test_a_file_is_checked_as_each_of_its_rows_would_be(patients: list[dict[str, str]]) -> None:
    model = Listening()
    scored = score_part("".join(",".join(each.values()) + "\n" for each in patients).encode(), FORM, 2, model, bytes)
    checked = [read_row(patient) for patient in patients]
    rows = [row for row in checked if isinstance(row, tuple)]
    assert told(scored) == [
        (line, *fault) for line, found in enumerate(checked, start=2) if isinstance(found, list) for fault in found
    ]
    assert (scored.rows, scored.scored) == (len(patients), len(rows))
    assert np.array_equal(np.concatenate([to_matrix([]), *model.heard]), to_matrix(rows))


@settings(max_examples=EXAMPLES)
@given(st.data(), st.sampled_from(COLUMNS))
def test_a_column_is_checked_as_each_of_its_cells_would_be(data: st.DataObject, name: str) -> None:
    """Values that no model looks at as well, and columns in which texts come again."""
    field = FIELDS[name]
    texts = data.draw(st.lists(written(field), min_size=1, max_size=6))
    cells = data.draw(st.lists(st.sampled_from(texts), max_size=30))
    rows = cut_rows("".join(f"{cell},\n" for cell in cells).encode(), ",")
    found = check_column(rows, EightBytes(rows.data), *rows.cells(0, 2, np.arange(len(cells))), field)
    assert np.array_equal(found, np.array([read_value(cell, field) for cell in cells], np.float32), equal_nan=True)


def read_value(cell: str, field: Field) -> Any:
    """Return what the field says of one cell."""
    try:
        return field.parse(read_cell(cell.encode()))
    except ValueError:
        return REFUSED


@pytest.mark.parametrize("missing", [(), (5,)])
@pytest.mark.parametrize(
    "text", ["1_0", "5", " 5", "5.", "+5e0", "5e", ".", "", "0x5", "nan", "inf", "5d", "5\n", "5\v"]
)
def test_a_number_is_one_by_the_same_rule_however_many_there_are(text: str, missing: tuple[float, ...]) -> None:
    """Python's own float takes some of these that are none."""
    field = Measure("mm", hard=(0, 10), soft=(0, 10), nullable=True, missing=missing)
    expected = np.array([read_value(text, field)] * 3, np.float64)
    assert np.array_equal(check_texts([text.encode()] * 3, field), expected, equal_nan=True)


LONG = st.text(st.sampled_from("ab"), max_size=2).map(lambda end: 16 * "a" + end)


@given(st.lists(LONG | st.text(st.sampled_from("ab\0"), max_size=9), max_size=40))
def test_only_cells_of_the_same_text_are_grouped(texts: list[str]) -> None:
    data = "".join(texts).encode()
    sizes = np.array([len(text) for text in texts], np.intp)
    starts = np.cumsum(sizes) - sizes
    like = group(EightBytes(data), starts, sizes)
    assert [texts[place] for place in like] == texts
    assert np.array_equal(like[like], like)


@pytest.mark.parametrize("size", [1, 8, 9, 16])
def test_cells_of_the_same_text_are_grouped(size: int) -> None:
    """So that a column costs little, however long it is."""
    starts, sizes = np.arange(0, 100 * size, size), np.full(100, size)
    assert len(set(group(EightBytes(b"x" * 100 * size), starts, sizes).tolist())) == 1


def test_more_texts_than_there_are_groups_are_checked_as_well() -> None:
    ages = np.linspace(10, 120, 100_001).tolist()
    rows = cut_rows("".join(f"{age!r},\n" for age in ages).encode(), ",")
    found = check_column(rows, EightBytes(rows.data), *rows.cells(0, 2, np.arange(len(ages))), FIELDS["age"])
    taken = np.array([age if 18 <= age <= 110 else REFUSED for age in ages], np.float32)
    assert np.array_equal(found, taken)
