"""The patient's own rules."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.schema.field import Category, Field, Measure
from core.schema.patient import COLUMNS, EXAMPLE, Patient, fields_of_patient

FIELDS = fields_of_patient()


def given_value(field: Field) -> st.SearchStrategy[Any]:
    """Return values that the field takes."""
    if isinstance(field, Category):
        codes = st.sampled_from(list(field.names))
        known = codes | codes.map(float) | st.sampled_from(list(field.names.values()))
    else:
        known = st.floats(*field.hard) | st.integers(math.ceil(field.hard[0]), math.floor(field.hard[1]))
    return known | st.sampled_from([None, *field.missing]) if field.nullable else known


patients = st.fixed_dictionaries({name: given_value(field) for name, field in FIELDS.items()})


def fault(patient: object) -> tuple[str, str]:
    """Return where and how the only fault of what is no patient lies."""
    with pytest.raises(ValidationError) as caught:
        Patient.model_validate(patient)
    [error] = caught.value.errors()
    return str(error["loc"][0]), error["type"]


@given(patients)
def test_what_is_within_bounds_is_a_patient_and_its_row_is_in_order(values: dict[str, Any]) -> None:
    patient = Patient.model_validate(dict(reversed(values.items())))
    assert patient.to_row() == tuple(getattr(patient, name) for name in COLUMNS)
    assert Patient.model_validate(dict(zip(COLUMNS, patient.to_row(), strict=True))) == patient


@given(patients, st.sampled_from([name for name, field in FIELDS.items() if isinstance(field, Measure)]), st.booleans())
def test_just_outside_a_hard_bound_is_no_patient(values: dict[str, Any], name: str, above: bool) -> None:
    field = FIELDS[name]
    assert isinstance(field, Measure)
    bound = field.hard[above]
    outside = math.nextafter(bound, math.inf if above else -math.inf)
    assert Patient.model_validate(values | {name: bound})
    assert fault(values | {name: outside}) == (name, "out_of_bounds")


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if isinstance(field, Category)])
def test_a_code_and_its_name_are_one(name: str) -> None:
    field = FIELDS[name]
    assert isinstance(field, Category)
    for code, word in field.names.items():
        by_code, by_name = (Patient.model_validate(EXAMPLE | {name: value}) for value in (code, word))
        assert by_code == by_name
        assert getattr(by_code, name) == code
    assert fault(EXAMPLE | {name: max(*field.names, *field.missing) + 1}) == (name, "unknown_code")


@pytest.mark.parametrize(("name", "value"), [("ca", 4), ("ca", 4.0), ("thal", 0), ("chol", 0)])
def test_the_sentinels_of_heart_csv_are_read_as_not_measured(name: str, value: float) -> None:
    assert getattr(Patient.model_validate(EXAMPLE | {name: value}), name) is None


@given(st.sampled_from(COLUMNS), st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.lists(st.none())))
def test_no_value_is_answered_with_anything_but_a_patient_or_a_fault(name: str, value: object) -> None:
    try:
        assert Patient.model_validate(EXAMPLE | {name: value})
    except ValidationError as error:
        [only] = error.errors()
        assert only["loc"] == (name,)
        assert only["msg"].partition(";")[0] == f"must be {FIELDS[name].rule}"


@pytest.mark.parametrize(
    ("name", "value", "guess"),
    [
        ("trestbps", 17.3, "; looks like kPa: 1 kPa is 7.50062 mmHg"),
        ("trestbps", 8, "; looks like kPa: 1 kPa is 7.50062 mmHg"),
        ("trestbps", 34.6, "; looks like kPa: 1 kPa is 7.50062 mmHg"),
        ("trestbps", 7.9, ""),
        ("trestbps", 34.7, ""),
        ("trestbps", 261, ""),
        ("trestbps", -(10**400), ""),
        ("chol", 2, "; looks like mmol/L: 1 mmol/L is 38.67 mg/dL"),
        ("chol", 18, "; looks like mmol/L: 1 mmol/L is 38.67 mg/dL"),
        ("chol", 1.5, ""),
        ("chol", 18.2, ""),
        ("age", 17, ""),
    ],
)
def test_a_refused_value_that_looks_like_another_unit_is_told_so(name: str, value: float, guess: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Patient.model_validate(EXAMPLE | {name: value})
    [error] = caught.value.errors()
    assert error["msg"] == f"must be {FIELDS[name].rule}{guess}"


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if isinstance(field, Measure)])
def test_no_value_that_is_taken_looks_like_another_unit(name: str) -> None:
    """So that a score need not warn of one; of a unit for which this did not hold, it would have to."""
    field = FIELDS[name]
    assert isinstance(field, Measure)
    if field.other_unit:
        low, high = field.hard
        assert high / field.other_unit[1] < low or low / field.other_unit[1] > high


def test_a_fault_does_not_show_the_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Patient.model_validate(EXAMPLE | {"age": 123.456})
    assert "123.456" not in str(caught.value)


def test_every_field_says_what_it_is() -> None:
    schema = Patient.model_json_schema()
    assert [name for name, field in schema["properties"].items() if not field.get("description")] == []
    for field in FIELDS.values():
        if isinstance(field, Measure):
            assert field.unit
            assert field.hard[0] <= field.soft[0] < field.soft[1] <= field.hard[1]
