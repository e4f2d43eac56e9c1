"""Reads the body of a submit: from bytes to patients, refusing what is not one before it costs anything."""

import asyncio
from functools import partial

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, core_schema, from_json
from starlette.requests import ClientDisconnect

from api.problem import field_errors
from contract.errors import BodyIncomplete, BodyTooLarge, FieldError, InvalidPatient, NotJson, UnsupportedMediaType
from contract.patient import Patient, Row, quick_schema

IN_A_THREAD_BYTES = 65_536  # a larger body's faults are looked for in a thread, so that other requests are still served

PATIENTS = TypeAdapter(list[Patient])
QUICK = SchemaValidator(quick_schema())
QUICK_LIST = SchemaValidator(
    core_schema.typed_dict_schema(
        {"patients": core_schema.typed_dict_field(core_schema.list_schema(quick_schema()))}, extra_behavior="forbid"
    )
)


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return the body. Raises UnsupportedMediaType unless it is JSON, and BodyTooLarge before it is all read."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType
    return await read_limited(request, limit_bytes)


async def read_limited(request: Request, limit_bytes: int) -> bytes:
    """Return the body, of whatever type. Raises BodyTooLarge before it is all read, and BodyIncomplete."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit_bytes:
        raise _too_large(limit_bytes)
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit_bytes:
                raise _too_large(limit_bytes)
            chunks.append(chunk)
    except ClientDisconnect:
        raise BodyIncomplete from None
    return b"".join(chunks)


def _too_large(limit_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {limit_bytes} bytes: send fewer patients at once.")


async def parse_rows(body: bytes, limit: int) -> list[Row]:
    """Return the one patient of the body, or all of its `patients`, 1 to `limit`, as rows.

    Raises NotJson, or InvalidPatient that names every bad field of every patient.
    """
    try:
        rows = QUICK_LIST.validate_json(body)["patients"] if b'"patients"' in body else [QUICK.validate_json(body)]
    except ValidationError:
        rows = []
    if 1 <= len(rows) <= limit:
        return [tuple(row.values()) for row in rows]
    if len(body) <= IN_A_THREAD_BYTES:
        return _parse(body, limit)
    return await asyncio.get_running_loop().run_in_executor(None, partial(_parse, body, limit))


def parse_row(body: bytes) -> Row:
    """Return the one patient of the body as a row. Raises NotJson or InvalidPatient."""
    return _patient(_json(body)).to_row()


def _patient(parsed: object) -> Patient:
    try:
        return Patient.model_validate(parsed)
    except ValidationError as error:
        raise _invalid(error) from None


def _parse(body: bytes, limit: int) -> list[Row]:
    """Return what `parse_rows` does: slower, and able to say what is wrong."""
    parsed = _json(body)
    if not isinstance(parsed, dict) or "patients" not in parsed:
        return [_patient(parsed).to_row()]
    several = parsed.pop("patients")
    faults = [FieldError(field=name[:64], code="unknown_field", message="is not known here") for name in parsed]
    if not isinstance(several, list) or not 1 <= len(several) <= limit:
        rule = f"must be a list of 1 to {limit} patients"
        faults.append(FieldError(field="patients", code="out_of_bounds", message=rule))
    if faults:
        raise InvalidPatient(errors=tuple(faults))
    try:
        return [patient.to_row() for patient in PATIENTS.validate_python(several)]
    except ValidationError as error:
        raise _invalid(error, "patients") from None


def _json(body: bytes) -> object:
    try:
        return from_json(body)
    except ValueError:
        raise NotJson from None


def _invalid(error: ValidationError, place: str = "") -> InvalidPatient:
    faults = field_errors(error.errors(include_input=False, include_url=False))
    return InvalidPatient(errors=tuple(fault.model_copy(update={"field": place + fault.field}) for fault in faults))
