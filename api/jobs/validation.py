"""Validates the body of a submit quickly, and lists the faults of an invalid patient.

The quick validation only says whether the body is valid. If not, `api.jobs.body` validates again, more slowly, to find
the faults. Names that are no fields are never repeated: a client that confuses names and values sends values as names.
"""

import re
from collections.abc import Iterator

from pydantic import ValidationError
from pydantic_core import ErrorDetails, SchemaValidator, core_schema

from core.errors import FieldError
from core.schema.patient import COLUMNS, Row, quick_schema
from core.schema.spelling import hint, list_places

PATIENT_BYTES = 4_096  # of JSON; a body with a larger patient is not validated quickly: it could be slow to refuse
PIECE_BYTES = 65_536  # some 1 ms of validation, in which nothing else is served
BLANK = rb"[ \t\r\n]*"
AROUND_LIST = re.compile(BLANK.join((b"", rb"\{", b'"patients"', b":", rb"\[(.*)\]", rb"\}", b"")), re.DOTALL)

QUICK = SchemaValidator(quick_schema())
QUICK_ELEMENTS = SchemaValidator(core_schema.list_schema(quick_schema(), fail_fast=True))
QUICK_LIST = SchemaValidator(
    core_schema.typed_dict_schema(
        {"patients": core_schema.typed_dict_field(core_schema.list_schema(quick_schema(), fail_fast=True))},
        extra_behavior="forbid",
    )
)

UNKNOWN = "extra_forbidden"  # pydantic's error type


def is_plausible(body: bytes, limit: int) -> bool:
    """Whether a large body could be at most `limit` patients of normal size.

    Each fault costs some 10 µs, in which nothing else is served, so other bodies are not validated in the event loop.
    """
    return body.count(b"}") <= limit + 1 and max(map(len, body.split(b"}"))) <= PATIENT_BYTES


def validate_quickly(body: bytes) -> list[Row]:
    """Return the rows of a small body, or an empty list if it is invalid."""
    try:
        if b'"patients"' not in body:
            return [tuple(QUICK.validate_json(body).values())]
        return [tuple(row.values()) for row in QUICK_LIST.validate_json(body)["patients"]]
    except ValidationError:
        return []


def validate_in_pieces(body: bytes) -> Iterator[list[Row]]:
    """Yield the rows of a large list in pieces; the last piece is empty if the list is invalid.

    The body is cut after `},`. If each piece is a valid list between brackets, all of them joined by commas are one,
    too; a cut at a wrong place, such as inside a text, leaves an invalid piece.
    """
    around = AROUND_LIST.fullmatch(body)
    start, end = around.span(1) if around else (0, 0)
    while start < end:
        cut = body.find(b"},", start + PIECE_BYTES, end)
        stop = cut + 1 if cut >= 0 else end
        try:
            objects = QUICK_ELEMENTS.validate_json(b"[%b]" % body[start:stop])
        except ValidationError:
            objects = []
        yield [tuple(each.values()) for each in objects]
        if not objects:  # also between two commas, or after a comma before the end of the list
            return
        start = stop + 1


def list_faults(patient: object, error: ValidationError, place: str) -> Iterator[FieldError]:
    """Yield the faults that pydantic found in a patient; `place` is its place in a list, such as `patients[3]`.

    Members that are no fields are reported as one fault, by their positions among the patient's members.
    """
    faults = error.errors(include_input=False, include_url=False)
    unknown = {str(fault["loc"][0]) for fault in faults if fault["type"] == UNKNOWN}
    yield from (name_fault(fault, place) for fault in faults if fault["type"] != UNKNOWN)
    if unknown and isinstance(patient, dict):
        yield unknown_members(list(patient), unknown, place or "patient")


def count_faults(patient: object, error: ValidationError) -> int:
    """Return how many faults `list_faults` would yield, in less time."""
    unknown = len(patient.keys() - set(COLUMNS)) if isinstance(patient, dict) else 0
    return error.error_count() - max(0, unknown - 1)


def name_fault(fault: ErrorDetails, place: str) -> FieldError:
    """Return the fault of one field."""
    field = ".".join([place] * bool(place) + [str(step) for step in fault["loc"]])
    code, message = ("missing", "must be given") if fault["type"] == "missing" else (fault["type"], fault["msg"])
    return FieldError(field=field, code=code, message=message)


def unknown_members(names: list[str], unknown: set[str], field: str) -> FieldError:
    """Return the fault for the `unknown` names among all `names` of an object, by their positions, counted from 1."""
    places = [place for place, name in enumerate(names, start=1) if name in unknown]
    meant = hint(names[places[0] - 1], COLUMNS) if len(places) == 1 else ""
    which = f"a member, number {places[0]}," if len(places) == 1 else f"members, numbers {list_places(places)},"
    message = f"has {which} that no patient has{meant}"
    return FieldError(field=field, code="unknown_field", message=message)
