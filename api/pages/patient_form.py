"""The form for a patient: one input for each field, with the name, unit, codes, bounds and help of `Patient`."""

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
NAMES_AS_BUTTONS = 2  # more choices become a list

Entered = Mapping[str, str]
"""The entered texts by field. They are shown again with their errors, and stored nowhere."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the form: its labels, the allowed values, the entered value, and the error, if there is one."""

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
    first: bool = False  # the first input with an error gets the focus

    @property
    def buttons(self) -> bool:
        """Whether the choices are shown as radio buttons."""
        return 0 < len(self.choices) <= NAMES_AS_BUTTONS and not self.nullable

    @property
    def described_by(self) -> str:
        """The ids of the elements that describe the input, for `aria-describedby`."""
        return " ".join(f"{self.name}-{part}" for part in ("error", "help") if getattr(self, part))


def name_of(field: str) -> str:
    """Return a field's name for people: the beginning of its description."""
    return split_description(field)[0]


def split_description(field: str) -> tuple[str, str]:
    """Return a field's name for people and its help text, from the first sentence of its description."""
    sentence = (Patient.model_fields[field].description or field).split(". ")[0].rstrip(".")
    ends = [place for mark in (": ", ", ") if (place := sentence.find(mark)) > 0]
    end = min(ends, default=len(sentence))
    return sentence[:end], sentence[end + 2 :]


def make_inputs(entered: Entered | None = None, errors: Sequence[FieldError] = ()) -> list[Input]:
    """Return the inputs of the form, with the entered values and their errors."""
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


def make_example() -> Entered:
    """Return the example patient as the texts that a visitor would enter."""
    fields = fields_of_patient()
    return {name: format_value(fields[name], value) for name, value in EXAMPLE.items()}


def format_value(field: Field, value: float) -> str:
    """Return a value as the text that a visitor would enter; a category by its name."""
    return field.names[int(value)] if isinstance(field, Category) else f"{value:g}"


async def read_entered(request: Request) -> Entered:
    """Return the fields of the submitted form. Raises BodyTooLarge."""
    body = await read_limited(request, LIMIT_BYTES)
    pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    return {name: value for name, value in pairs if name in COLUMNS}


def to_body(entered: Entered) -> bytes:
    """Return the JSON that a program would send; an empty input is null if the field allows that, else left out."""
    fields, values = fields_of_patient(), {name: read_cell(text.encode()) for name, text in entered.items()}
    return to_json({name: value for name, value in values.items() if value is not None or fields[name].nullable})
