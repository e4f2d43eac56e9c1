"""Reads the body of a submit: from bytes to patients; refuses an invalid body as early as possible."""

import asyncio
from functools import partial
from math import inf

from fastapi import Request
from pydantic import ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from api.http.inflate import Inflater, make_inflater
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

INLINE_LIMIT_BYTES = 65_536  # faults of a larger body are found in a thread, so that other requests are served
KEYS_LIMIT = 64  # of a patient


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return the body. Raises UnsupportedMediaType unless it is JSON, and whatever `read_limited` raises."""
    media_type = dict(request.scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type != b"application/json":
        raise UnsupportedMediaType
    return await read_limited(request, limit_bytes)


async def read_limited(request: Request, limit_bytes: int) -> bytes:
    """Return the body, of any media type, decompressed if it is gzip.

    Raises UnsupportedEncoding for an encoding other than gzip; BadEncoding for invalid gzip; BodyTooLarge, before all
    of the body is read or decompressed; and BodyIncomplete.
    """
    headers = dict(request.scope["headers"])  # faster than `request.headers`, which searches the list each time
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > limit_bytes:
        raise _too_large(limit_bytes)
    encoding = headers.get(b"content-encoding")
    inflater = make_inflater(encoding.decode("latin-1"), inf) if encoding else None
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
    if len(body) <= INLINE_LIMIT_BYTES:
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
    """Return the patient in the body, or its list of `patients`, 1 to `limit`, as rows.

    A large body is validated in pieces, at the pace of its owner.

    Raises NotJson, or InvalidPatient, which names every bad field of every patient.
    """
    if len(body) <= INLINE_LIMIT_BYTES:
        rows = validate_quickly(body)
        return rows if 1 <= len(rows) <= limit else parse_slowly(body, limit)
    rows = await _validate_large(body, pace, owner) if is_plausible(body, limit) else []
    if 1 <= len(rows) <= limit:
        return rows
    return await asyncio.get_running_loop().run_in_executor(None, partial(parse_slowly, body, limit))


async def _validate_large(body: bytes, pace: Pace, owner: str) -> list[Row]:
    rows = list[Row]()
    async for piece_rows in pace.run_paced(owner, validate_in_pieces(body)):
        if not piece_rows:
            return []
        rows += piece_rows
    return rows


def parse_row(body: bytes) -> Row:
    """Return the patient in the body as a row. Raises NotJson or InvalidPatient."""
    return _parse_patient(_parse_json(body))


def _parse_patient(parsed: object, place: str = "") -> Row:
    """Return one patient as a row. Raises InvalidPatient, whose faults begin with `place`."""
    if isinstance(parsed, dict) and len(parsed) > KEYS_LIMIT:
        rule = f"has {len(parsed)} members, and a patient has {len(COLUMNS)} fields"
        raise InvalidPatient(errors=(FieldError(field=place or "patient", code="unknown_field", message=rule),))
    try:
        return Patient.model_validate(parsed).to_row()
    except ValidationError as error:
        raise InvalidPatient(errors=tuple(list_faults(parsed, error, place))) from None


def parse_slowly(body: bytes, limit: int) -> list[Row]:
    """Return what `parse_rows` returns; slower, but it can say what is wrong. Raises NotJson or InvalidPatient."""
    parsed = _parse_json(body)
    if not isinstance(parsed, dict) or "patients" not in parsed:
        return [_parse_patient(parsed)]
    patients, faults = parsed["patients"], []
    if len(parsed) > 1:
        rule = f"has {len(parsed) - 1} members beside patients, which must be the only one"
        faults.append(FieldError(field="body", code="unknown_field", message=rule))
    if not isinstance(patients, list) or not 1 <= len(patients) <= limit:
        rule = f"must be a list of 1 to {limit} patients"
        faults.append(FieldError(field="patients", code="out_of_bounds", message=rule))
    if faults:
        raise InvalidPatient(errors=tuple(faults))
    return _parse_several(patients)


def _parse_several(patients: list[object]) -> list[Row]:
    rows, faults, unlisted = list[Row](), list[FieldError](), 0
    for number, patient in enumerate(patients):
        if len(faults) >= LISTED_AT_MOST:
            unlisted += _count_faults(patient)
            continue
        try:
            rows.append(_parse_patient(patient, f"patients[{number}]"))
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


def _parse_json(body: bytes) -> object:
    try:
        return from_json(body)
    except ValueError:
        raise NotJson from None
