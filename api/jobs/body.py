"""Reads the body of a submit: from bytes to patients, refusing what is not one before it costs anything."""

import asyncio
from functools import partial
from math import inf

from fastapi import Request
from pydantic import ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from api.http.inflate import Inflater, inflater_of
from api.http.problem import LISTED_AT_MOST
from api.jobs.validation import count_faults, is_plausible, list_faults, validate_in_pieces, validate_quickly
from api.pace import Pace
from core.errors import (
    BadEncoding,
    BodyIncomplete,
    BodyTooLarge,
    FieldError,
    InvalidFile,
    InvalidPatient,
    NotJson,
    UnsupportedMediaType,
)
from core.schema.patient import COLUMNS, Patient, Row

IN_A_THREAD_BYTES = 65_536  # a larger body's faults are looked for in a thread, so that other requests are still served
KEYS_LIMIT = 64  # of a patient


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return the body. Raises UnsupportedMediaType unless it is JSON, and whatever `read_limited` raises."""
    media_type = dict(request.scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type != b"application/json":
        raise UnsupportedMediaType
    return await read_limited(request, limit_bytes)


async def read_limited(request: Request, limit_bytes: int) -> bytes:
    """Return the body, of whatever type, unpacked where it came packed.

    Raises UnsupportedEncoding for other than gzip, BadEncoding for what is none, BodyTooLarge before it is all read or
    unpacked, and BodyIncomplete.
    """
    headers = dict(request.scope["headers"])  # quicker than to look through the request's own for each
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > limit_bytes:
        raise _too_large(limit_bytes)
    encoding = headers.get(b"content-encoding")
    inflater = inflater_of(encoding.decode("latin-1"), inf) if encoding else None
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit_bytes:
                raise _too_large(limit_bytes)
            chunks.append(chunk)
    except ClientDisconnect:
        raise BodyIncomplete from None
    body = b"".join(chunks)
    if not inflater:
        return body
    if len(body) <= IN_A_THREAD_BYTES:
        return _unpack(inflater, body, limit_bytes)
    return await asyncio.get_running_loop().run_in_executor(None, partial(_unpack, inflater, body, limit_bytes))


def _unpack(inflater: Inflater, packed: bytes, limit_bytes: int) -> bytes:
    pieces, size = [], 0
    try:
        for piece in inflater.feed(packed):
            size += len(piece)
            if size > limit_bytes:
                raise _too_large(limit_bytes)
            pieces.append(piece)
        inflater.finish()
    except InvalidFile as error:
        raise BadEncoding(f"The body {error.errors[0].message}.") from None
    return b"".join(pieces)


def _too_large(limit_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {limit_bytes} bytes: send fewer patients at once.")


async def parse_rows(body: bytes, limit: int, pace: Pace, owner: str = "") -> list[Row]:
    """Return the one patient of the body, or all of its `patients`, 1 to `limit`, as rows.

    A large body is looked at piece by piece, at the pace of its owner.

    Raises NotJson, or InvalidPatient that names every bad field of every patient.
    """
    if len(body) <= IN_A_THREAD_BYTES:
        rows = validate_quickly(body)
        return rows if 1 <= len(rows) <= limit else _parse(body, limit)
    rows = await _look_at_large(body, pace, owner) if is_plausible(body, limit) else []
    if 1 <= len(rows) <= limit:
        return rows
    return await asyncio.get_running_loop().run_in_executor(None, partial(_parse, body, limit))


async def _look_at_large(body: bytes, pace: Pace, owner: str) -> list[Row]:
    rows = list[Row]()
    async for found in pace.made(owner, validate_in_pieces(body)):
        if not found:
            return []
        rows += found
    return rows


def parse_row(body: bytes) -> Row:
    """Return the one patient of the body as a row. Raises NotJson or InvalidPatient."""
    return _patient(_json(body))


def _patient(parsed: object, place: str = "") -> Row:
    """Return one patient as a row. Raises InvalidPatient, which says where in the body it stands."""
    if isinstance(parsed, dict) and len(parsed) > KEYS_LIMIT:
        rule = f"has {len(parsed)} members, and a patient has {len(COLUMNS)} fields"
        raise InvalidPatient(errors=(FieldError(field=place or "patient", code="unknown_field", message=rule),))
    try:
        return Patient.model_validate(parsed).to_row()
    except ValidationError as error:
        raise InvalidPatient(errors=tuple(list_faults(parsed, error, place))) from None


def _parse(body: bytes, limit: int) -> list[Row]:
    """Return what `parse_rows` does: slower, and able to say what is wrong."""
    parsed = _json(body)
    if not isinstance(parsed, dict) or "patients" not in parsed:
        return [_patient(parsed)]
    several, faults = parsed["patients"], []
    if len(parsed) > 1:
        rule = f"has {len(parsed) - 1} members beside patients, which must be the only one"
        faults.append(FieldError(field="body", code="unknown_field", message=rule))
    if not isinstance(several, list) or not 1 <= len(several) <= limit:
        rule = f"must be a list of 1 to {limit} patients"
        faults.append(FieldError(field="patients", code="out_of_bounds", message=rule))
    if faults:
        raise InvalidPatient(errors=tuple(faults))
    return _parse_several(several)


def _parse_several(several: list[object]) -> list[Row]:
    rows, faults, unlisted = list[Row](), list[FieldError](), 0
    for number, patient in enumerate(several):
        if len(faults) >= LISTED_AT_MOST:
            unlisted += _count_faults(patient)
            continue
        try:
            rows.append(_patient(patient, f"patients[{number}]"))
        except InvalidPatient as error:
            fits = LISTED_AT_MOST - len(faults)
            faults += error.errors[:fits]
            unlisted += len(error.errors[fits:])
    if faults:
        raise InvalidPatient(errors=tuple(faults), unlisted=unlisted)
    return rows


def _count_faults(patient: object) -> int:
    if isinstance(patient, dict) and len(patient) > KEYS_LIMIT:
        return 1
    try:
        Patient.model_validate(patient)
    except ValidationError as error:
        return count_faults(patient, error)
    return 0


def _json(body: bytes) -> object:
    try:
        return from_json(body)
    except ValueError:
        raise NotJson from None
