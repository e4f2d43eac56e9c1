"""Tells what pydantic finds wrong with a patient: where and which rule, never the value."""

from pydantic_core import ErrorDetails

from contract.errors import FieldError


def field_errors(faults: list[ErrorDetails]) -> tuple[FieldError, ...]:
    """Return pydantic's errors as ours: where, code and rule, without the value."""
    return tuple(_field_error(fault) for fault in faults)


def _field_error(fault: ErrorDetails) -> FieldError:
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step[:64]}" for step in fault["loc"])
    code, message = {
        "missing": ("missing", "must be given"),
        "extra_forbidden": ("unknown_field", "is not a field of a patient"),
    }.get(fault["type"], (fault["type"], fault["msg"]))
    return FieldError(field=place.lstrip("."), code=code, message=message)
