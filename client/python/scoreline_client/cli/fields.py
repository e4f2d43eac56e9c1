"""The fields of a patient on a command line: `age=54 sex=male`, and the table of them that help shows.

All of it is read from `wire/patient.json`, which is what openapi.json says of a patient.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import typer

from scoreline_client import wire

NOT_MEASURED = ("", "null")


@cache
def load_fields() -> dict[str, dict[str, Any]]:
    """Return the JSON schema of each field by name, in the service's order."""
    schema = json.loads(files(wire).joinpath("patient.json").read_text(encoding="utf-8"))
    return dict(schema["properties"])


def parse_fields(stated: Sequence[str]) -> dict[str, float | str | None]:
    """Return what was stated, field by field; nothing and `null` are what was not measured.

    What a value may be, the service says. Raises BadParameter, which names the fields there are.
    """
    fields: dict[str, float | str | None] = {}
    for each in stated:
        name, given, value = each.partition("=")
        if not given or name not in load_fields():
            known = ", ".join(load_fields())
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
    for name, field in load_fields().items():
        what = re.split(r"[.;] ", field.get("description", ""))[0].rstrip(".")
        lines.append(f"{name:<9} {_describe_values(field)}\n{'':9} {what}")
    return "\n".join(lines)


def _describe_values(field: dict[str, Any]) -> str:
    kinds = field.get("anyOf", [field])
    null = ", or null" if {"type": "null"} in kinds else ""
    if codes := _codes(field):
        return ", ".join(f"{name} ({code})" for code, name in codes.items()) + null
    measure = kinds[0]
    return f"{measure['minimum']:g} to {measure['maximum']:g} {measure['x-unit']}{null}"


def _codes(field: dict[str, Any]) -> dict[str, str]:
    for kind in (field, *field.get("anyOf", ())):  # one that may be null has its codes a level below
        if "x-codes" in kind:
            return dict(kind["x-codes"])
    return {}


def complete(typed: str) -> Iterator[str]:
    """Yield what may come after what was typed, for the shell: a field's name, or a category's values."""
    for name, field in load_fields().items():
        values = _codes(field).values() if typed.startswith(f"{name}=") else ()
        yield from (f"{name}={value}" for value in values or [""] if f"{name}={value}".startswith(typed))
