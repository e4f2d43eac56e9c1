"""The probes: made-up records with what the model said of them, which it must say again at each load."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.schema.field import Field as Declared
from core.schema.field import Measure
from core.schema.patient import COLUMNS, Row, fields_of_patient

PROBES_FILE = "probes.json"

TOLERANCE = 1e-5
"""How far an output may be from what the probes have, absolutely or as a share of it.

A model in single precision rounds each step to 6e-8 of its value (IEEE 754), and its sums of some hundred terms come
out up to some 1e-6 apart where a processor adds in another order or fuses multiplication with addition. This is ten
times as much, and no decision of anyone hangs on it. What a release is
held to is closer (training/bundle/checks.py).
"""

RECORDS = 61
"""How many records there are: a prime, so that each field runs through all of its range, in an order of its own."""

WIDENED = 0.1
"""How far beyond the trained range a measure goes on either side, as a share of it."""

NULLS = 0.1
"""The share of the records in which a measure that may be missing is."""

DECIMALS = 9
"""The decimals that outputs are kept with, as the scorer rounds them."""

Output = float | tuple[float, ...] | tuple[tuple[float, ...], ...]
"""One output of the model: a number, or one for each record, or some for each."""


class Probes(BaseModel):
    """Records, each in the order of `fields`, and the model's outputs for all of them, by name."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    model_sha256: Annotated[str, Field(description="Of the bytes of the bundle's `model.onnx`.")]
    fields: Annotated[tuple[str, ...], Field(description="The fields of a record, in their order.")]
    records: Annotated[tuple[Row, ...], Field(min_length=1, description="Made up: they are no one's.")]
    outputs: Annotated[dict[str, Output], Field(description="What the model gave for them.")]

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if any(len(record) != len(self.fields) for record in self.records):
            raise ValueError("every record must have a value for each field")
        return self

    def to_text(self) -> str:
        """Return what the file holds: JSON, a record a line."""
        return to_lines(self.model_dump(mode="json")) + "\n"


def make_probes(model_sha256: str, records: tuple[Row, ...], outputs: Mapping[str, NDArray[Any]]) -> Probes:
    """Return the probes of a model that gave these outputs for the records. The same ones give the same bytes."""
    kept = {name: np.round(output, DECIMALS).tolist() for name, output in outputs.items()}
    return Probes.model_validate({"model_sha256": model_sha256, "fields": COLUMNS, "records": records, "outputs": kept})


def make_records() -> tuple[Row, ...]:
    """Return records that reach every code, every null, and all of each measure's trained range and some beyond it.

    They are a lattice: from one to the next each field goes on by a step of its own, modulo `RECORDS`.
    """
    fields = list(fields_of_patient().values())
    return tuple(
        tuple(choose_value(field, step * place % RECORDS / (RECORDS - 1)) for step, field in enumerate(fields, start=1))
        for place in range(RECORDS)
    )


def choose_value(field: Declared, share: float) -> float | None:
    """Return the value of a field that lies at this share, 0 to 1, of all that it may be; missing comes last."""
    if not isinstance(field, Measure):
        values = [*field.names, *([None] if field.nullable else [])]
        return values[min(int(share * len(values)), len(values) - 1)]
    if field.nullable:
        if share > 1 - NULLS:
            return None
        share /= 1 - NULLS
    low, high = field.soft
    value = low + (share * (1 + 2 * WIDENED) - WIDENED) * (high - low)
    return float(f"{min(max(value, field.hard[0]), field.hard[1]):.6g}")


def to_lines(value: object) -> str:
    """Return a value as JSON; each member of an object, and each list in a list, begins a line."""
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f"{json.dumps(name)}: {to_lines(member)}" for name, member in value.items()) + "\n}"
    if isinstance(value, list) and value and isinstance(value[0], list):
        return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"
    return json.dumps(value)
