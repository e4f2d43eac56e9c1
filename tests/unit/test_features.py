"""From patients to numbers: the one road that training and serving share."""

import numpy as np
import pytest
from hypothesis import given

from core.schema.field import Category
from core.schema.patient import COLUMNS, EXAMPLE, Patient, Row, fields_of_patient
from models.features import FEATURES, MEASURES, to_matrix
from tests.patients import ROWS

FIELDS = fields_of_patient()
CODES = [(name, code) for name, field in FIELDS.items() if isinstance(field, Category) for code in field.names]


def columns_of(**changes: object) -> dict[str, float]:
    """Return the columns of the example patient, after these changes, by name."""
    row = Patient.model_validate({**EXAMPLE, **changes}).to_row()
    return dict(zip(FEATURES, to_matrix([row])[0].tolist(), strict=True))


def ones(columns: dict[str, float]) -> set[str]:
    """Return the names of the codes that are set."""
    return {name for name in set(columns) - set(MEASURES) if columns[name] == 1}


def derive_naively(row: Row) -> list[float]:
    """Return what the columns of one row should be, worked out one name at a time."""
    patient = dict(zip(COLUMNS, row, strict=True))
    derived = []
    for feature in FEATURES:
        name, _, label = feature.partition("=")
        value, field = patient[name], FIELDS[name]
        if isinstance(field, Category):
            derived.append(float(value is not None and field.names[int(value)] == label))
        else:
            derived.append(float(np.float32(value or 0)))
    return derived


def test_a_known_patient_has_the_known_columns() -> None:
    columns = columns_of()
    assert [columns[name] for name in MEASURES] == [34, 130, 148, 3.5]
    assert ones(columns) == {
        "sex=female",
        "cp=non-anginal",
        "fbs=no",
        "restecg=st-t",
        "exang=no",
        "slope=down",
        "ca=none",
        "thal=fixed",
    }


def test_the_measures_come_first_and_cholesterol_is_not_among_them() -> None:
    assert FEATURES[:4] == MEASURES == ("age", "trestbps", "thalach", "oldpeak")
    assert not any("chol" in name for name in FEATURES)


def test_every_code_of_every_category_has_a_column() -> None:
    assert len(FEATURES) == len(set(FEATURES)) == len(MEASURES) + len(CODES)


@pytest.mark.parametrize(("name", "code"), CODES)
def test_a_code_sets_its_own_column_and_no_other_of_its_category(name: str, code: int) -> None:
    field = FIELDS[name]
    assert isinstance(field, Category)
    own = {column for column in ones(columns_of(**{name: code})) if column.startswith(f"{name}=")}
    assert own == {f"{name}={field.names[code]}"}


@pytest.mark.parametrize("name", ["ca", "thal"])
def test_a_category_that_was_not_measured_sets_no_column(name: str) -> None:
    missing = columns_of(**{name: None})
    assert not any(column.startswith(f"{name}=") for column in ones(missing))
    assert len(ones(missing)) == len(ones(columns_of())) - 1


def test_cholesterol_changes_no_column() -> None:
    assert columns_of(chol=100) == columns_of(chol=600) == columns_of(chol=None)


@given(ROWS)
def test_the_matrix_agrees_with_a_naive_derivation(rows: list[Row]) -> None:
    assert to_matrix(rows).tolist() == [derive_naively(row) for row in rows]


def test_rows_may_be_lists_as_json_gives_them() -> None:
    row = Patient.model_validate(EXAMPLE).to_row()
    assert np.array_equal(to_matrix([list(row)]), to_matrix([row]))


def test_no_patients_make_an_empty_matrix() -> None:
    matrix = to_matrix([])
    assert matrix.shape == (0, len(FEATURES))
    assert matrix.dtype == np.float32


def test_the_matrix_is_what_onnxruntime_reads_without_a_copy() -> None:
    matrix = to_matrix([Patient.model_validate(EXAMPLE).to_row()] * 3)
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous


@pytest.mark.parametrize("rows", [[(1.0,) * 12], [(1.0,) * 26], [(1.0,) * 13, (1.0,) * 12]])
def test_a_row_of_another_length_is_refused(rows: list[Row]) -> None:
    with pytest.raises(ValueError, match=r"reshape|inhomogeneous"):
        to_matrix(rows)
