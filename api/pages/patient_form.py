"""The form of a patient: one input for each field, with name, unit, codes, bounds and help as `Patient` has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic_core import to_json

from api.jobs.body import read_limited
from core.errors import FieldError
from core.schema.field import Category, Field
from core.schema.patient import COLUMNS, EXAMPLE, Patient, fields_of_patient
from core.table.cell import read_cell

LIMIT_BYTES = 10_000
NAMES_AS_BUTTONS = 2  # a choice of more is a list

Entered = Mapping[str, str]
"""What was entered, as text, by field. It is shown again with what is wrong, and kept nowhere."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input: what stands around it, what may be entered, what was, and what is wrong with that, if anything."""

    name: str
    label: str
    help: str
    unit: str
    low: float | None
    high: float | None
    choices: Sequence[str]
    nullable: bool
    value: str = ""
    error: str = ""
    first: bool = False  # of those with an error: it is given the focus

    @property
    def buttons(self) -> bool:
        """Whether the choices are shown beside each other."""
        return 0 < len(self.choices) <= NAMES_AS_BUTTONS and not self.nullable

    @property
    def described_by(self) -> str:
        """The ids of what describes it, for who cannot see them beside it."""
        return " ".join(f"{self.name}-{part}" for part in ("error", "help") if getattr(self, part))


def name_of(field: str) -> str:
    """Return what a field is called: the beginning of its description."""
    return split_description(field)[0]


def split_description(field: str) -> tuple[str, str]:
    """Return a field's name in words and what helps to read it, as its description's first sentence has them."""
    sentence = (Patient.model_fields[field].description or field).split(". ")[0].rstrip(".")
    ends = [place for mark in (": ", ", ") if (place := sentence.find(mark)) > 0]
    end = min(ends, default=len(sentence))
    return sentence[:end], sentence[end + 2 :]


def make_inputs(entered: Entered | None = None, errors: Sequence[FieldError] = ()) -> list[Input]:
    """Return the form's inputs, filled with what was entered, and with the errors of what is wrong with it."""
    wrong = {error.field: error.message for error in errors}
    first = next((name for name in COLUMNS if name in wrong), None)
    return [
        make_input(name, field, (entered or {}).get(name, ""), wrong.get(name, ""), name == first)
        for name, field in fields_of_patient().items()
    ]


def make_input(name: str, field: Field, value: str, error: str, first: bool) -> Input:
    """Return the input of one field."""
    label, help = split_description(name)
    help = help[:1].upper() + help[1:]
    if isinstance(field, Category):
        return Input(name, label, help, "", None, None, [*field.names.values()], field.nullable, value, error, first)
    return Input(name, label, help, field.unit, *field.hard, (), field.nullable, value, error, first)


def example() -> Entered:
    """Return the example patient as one would enter it."""
    fields = fields_of_patient()
    return {name: as_entered(fields[name], value) for name, value in EXAMPLE.items()}


def as_entered(field: Field, value: float) -> str:
    """Return a value as one would enter it: a category by its name."""
    return field.names[int(value)] if isinstance(field, Category) else f"{value:g}"


async def read_entered(request: Request) -> Entered:
    """Return what was entered in the form that was sent. Raises BodyTooLarge."""
    body = await read_limited(request, LIMIT_BYTES)
    pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    return {name: value for name, value in pairs if name in COLUMNS}


def to_body(entered: Entered) -> bytes:
    """Return the JSON that a program would send; what was left empty was not measured, or is missing."""
    fields, stated = fields_of_patient(), {name: read_cell(text.encode()) for name, text in entered.items()}
    return to_json({name: value for name, value in stated.items() if value is not None or fields[name].nullable})
