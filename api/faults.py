"""Tells what is wrong with a patient: which field and which rule, never a value, and no name that is not a field's.

Who mixes up names and values sends values as names.
"""

from collections.abc import Iterator

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from api.spelling import hint, list_places
from contract.errors import FieldError
from contract.patient import COLUMNS

UNKNOWN = "extra_forbidden"  # pydantic's own word


def list_faults(patient: object, error: ValidationError, place: str) -> Iterator[FieldError]:
    """Yield what pydantic found wrong with a patient, and where: `place` is where in the body it stands, if in a list.

    What is no field is told of all together, by where it stands among the patient's members.
    """
    found = error.errors(include_input=False, include_url=False)
    unknown = {str(fault["loc"][0]) for fault in found if fault["type"] == UNKNOWN}
    yield from (name_fault(fault, place) for fault in found if fault["type"] != UNKNOWN)
    if unknown and isinstance(patient, dict):
        yield unknown_members(list(patient), unknown, place or "patient")


def count_faults(patient: object, error: ValidationError) -> int:
    """Return how many faults `list_faults` would yield, in less time."""
    unknown = len(patient.keys() - set(COLUMNS)) if isinstance(patient, dict) else 0
    return error.error_count() - max(0, unknown - 1)


def name_fault(fault: ErrorDetails, place: str) -> FieldError:
    """Return a fault of one field."""
    field = ".".join([place] * bool(place) + [str(step) for step in fault["loc"]])
    code, message = ("missing", "must be given") if fault["type"] == "missing" else (fault["type"], fault["msg"])
    return FieldError(field=field, code=code, message=message)


def unknown_members(names: list[str], unknown: set[str], field: str) -> FieldError:
    """Return what is wrong with the names, of all of an object in their order, that are not known."""
    places = [place for place, name in enumerate(names, start=1) if name in unknown]
    meant = hint(names[places[0] - 1], COLUMNS) if len(places) == 1 else ""
    which = f"a member, number {places[0]}," if len(places) == 1 else f"members, numbers {list_places(places)},"
    message = f"has {which} that no patient has{meant}"
    return FieldError(field=field, code="unknown_field", message=message)
