"""The body of a submit, read quickly or with care: both take the same patients, and make the same rows of them."""

import asyncio
import json
import math
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import to_json

from api.jobs.body import parse_rows, parse_slowly
from api.jobs.validation import PIECE_BYTES, QUICK, QUICK_LIST
from api.pace import Pace
from core.errors import InvalidPatient, RequestError, ScorelineError
from core.schema.field import Category, Field
from core.schema.patient import COLUMNS, EXAMPLE, Patient, Row, fields_of_patient

LIMIT = 3


def near(field: Field) -> st.SearchStrategy[Any]:
    """Return values of any kind, most of which the field takes, or very nearly."""
    if isinstance(field, Category):
        known: st.SearchStrategy[Any] = st.sampled_from([*field.names, *field.names.values(), *map(float, field.names)])
        close = st.integers(-1, 9)
    else:
        known = st.floats(*field.hard) | st.integers(int(field.hard[0]), int(field.hard[1]))
        ends = [math.nextafter(end, away) for end in field.hard for away in (-math.inf, math.inf)]
        close = st.sampled_from([*field.hard, *ends, *map(str, field.hard)])
    odd: st.SearchStrategy[Any] = st.sampled_from(
        [None, True, False, "", "1", [], {}, -0.0, 10**400, math.nan, math.inf, 1e400]
    )
    return known | known | known | known | st.sampled_from([*field.missing, None]) | close | odd


WHOLE = {name: near(field) for name, field in fields_of_patient().items()}
PATIENTS = st.fixed_dictionaries(WHOLE) | st.fixed_dictionaries(
    {name: WHOLE[name] for name in COLUMNS[1:-1]},
    optional={name: WHOLE[name] for name in (COLUMNS[0], COLUMNS[-1])} | {"weight": st.just(1)},
)


def row_of(patient: object) -> Row | None:
    """Return the row that `Patient` makes of it, or None if it refuses."""
    try:
        return Patient.model_validate(patient).to_row()
    except ValidationError:
        return None


def quick_row(body: bytes) -> Row | None:
    """Return the row that the quick schema makes of a body, or None if it refuses."""
    try:
        return tuple(QUICK.validate_json(body).values())
    except ValidationError:
        return None


@given(PATIENTS)
@example(EXAMPLE | {"chol": 0, "ca": 4, "thal": 0, "sex": "male", "cp": 2.0})
def test_the_quick_schema_takes_what_a_patient_is_and_makes_the_same_row(patient: dict[str, Any]) -> None:
    body = json.dumps(dict(reversed(patient.items()))).encode()
    careful, quick = row_of(json.loads(body)), quick_row(body)
    assert quick == careful
    assert [type(value) for value in quick or ()] == [type(value) for value in careful or ()]


@pytest.mark.parametrize("name", COLUMNS)
@given(data=st.data())
def test_each_field_alone_is_judged_the_same_quickly(name: str, data: st.DataObject) -> None:
    patient = EXAMPLE | {name: data.draw(WHOLE[name])}
    assert quick_row(json.dumps(patient).encode()) == row_of(patient)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"age": 1', b'"patients"', b'{"patients": {}}'])
def test_what_is_no_patient_is_left_to_the_careful_way(body: bytes) -> None:
    for schema in (QUICK, QUICK_LIST):
        with pytest.raises(ValidationError):
            schema.validate_json(body)
    with pytest.raises(ScorelineError):
        asyncio.run(parse_rows(body, LIMIT, Pace()))


@given(st.lists(PATIENTS, max_size=LIMIT + 1))
def test_a_list_is_taken_if_each_of_its_patients_is(patients: list[dict[str, Any]]) -> None:
    rows = [row_of(patient) for patient in patients]
    body = json.dumps({"patients": patients}).encode()
    if 1 <= len(rows) <= LIMIT and None not in rows:
        assert asyncio.run(parse_rows(body, LIMIT, Pace())) == rows
    else:
        with pytest.raises(InvalidPatient):
            asyncio.run(parse_rows(body, LIMIT, Pace()))


def test_of_a_name_given_twice_the_last_value_counts_either_way() -> None:
    twice = json.dumps(EXAMPLE).replace('"age": 34', '"age": 40, "age": 34').encode()
    assert quick_row(twice) == row_of(EXAMPLE)
    several = b'{"patients": [], "patients": [' + twice + b"]}"
    assert asyncio.run(parse_rows(several, LIMIT, Pace())) == [row_of(EXAMPLE)]


async def judged(judge: Callable[[bytes, int], Awaitable[list[Row]]], body: bytes) -> object:
    """Return the rows that are read of a body, or the class of the error."""
    try:
        return await judge(body, 10_000)
    except RequestError as error:
        return type(error)


async def briskly(body: bytes, limit: int) -> list[Row]:
    """Read a body as a submit does."""
    return await parse_rows(body, limit, Pace())


async def carefully(body: bytes, limit: int) -> list[Row]:
    """Read a body as `parse_rows` does, the slow way."""
    return parse_slowly(body, limit)


LARGE = to_json({"patients": [EXAMPLE] * 2 * (PIECE_BYTES // len(to_json(EXAMPLE)))}).replace(b"{", b" {\n")
CUTS = [match.start() for match in re.finditer(b"},", LARGE)]


@given(
    place=st.sampled_from([0, 1, len(LARGE) - 1, *CUTS]) | st.integers(0, len(LARGE)),
    shift=st.integers(-2, 3),
    put=st.sampled_from(
        [b"", b",", b"]", b"}", b"{", b"]}", b'"', b"},", b"]},{", b',"patients":[', b" ", b"1", b"null"]
    ),
    cut=st.integers(0, 3),
)
def test_a_large_list_is_read_in_pieces_as_it_is_as_a_whole(place: int, shift: int, put: bytes, cut: int) -> None:
    at = max(0, place + shift)
    body = LARGE[:at] + put + LARGE[at + cut :]
    assert asyncio.run(judged(briskly, body)) == asyncio.run(judged(carefully, body))
