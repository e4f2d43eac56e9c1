"""The fields of a patient on a command line: `age=54 sex=male`, and the table of them that help shows."""

import re
from collections.abc import Iterator, Sequence

import typer

from core.schema.field import Category, Measure
from core.schema.patient import Patient, fields_of_patient

NOT_MEASURED = ("", "null")


def parse_fields(stated: Sequence[str]) -> dict[str, float | str | None]:
    """Return what was stated, field by field; nothing and `null` are what was not measured.

    What a value may be, the service says. Raises BadParameter, which names the fields there are.
    """
    fields: dict[str, float | str | None] = {}
    for each in stated:
        name, given, value = each.partition("=")
        if not given or name not in Patient.model_fields:
            known = ", ".join(Patient.model_fields)
            raise typer.BadParameter(f"{name} is no field of a patient, stated as NAME=VALUE: there are {known}.")
        fields[name] = None if value in NOT_MEASURED else _number(value)
    return fields


def _number(value: str) -> float | str:
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if number.is_integer() else number


def describe_fields() -> str:
    """Return a table of the fields: each with its unit and bounds, or its codes, and below that what it is."""
    lines = []
    for name, field in fields_of_patient().items():
        what = re.split(r"[.;] ", Patient.model_fields[name].description or "")[0].rstrip(".")
        lines.append(f"{name:<9} {_values(field)}\n{'':9} {what}")
    return "\n".join(lines)


def _values(field: Measure | Category) -> str:
    if isinstance(field, Measure):
        return f"{field.hard[0]:g} to {field.hard[1]:g} {field.unit}" + (", or null" if field.nullable else "")
    codes = ", ".join(f"{name} ({code})" for code, name in field.names.items())
    return codes + (", or null" if field.nullable else "")


def complete(typed: str) -> Iterator[str]:
    """Yield what may come after what was typed, for the shell: a field's name, or a category's values."""
    for name, field in fields_of_patient().items():
        values = field.names.values() if isinstance(field, Category) and typed.startswith(f"{name}=") else [""]
        yield from (f"{name}={value}" for value in values if f"{name}={value}".startswith(typed))
