"""The probes: made-up records with the model's outputs for them, which it must give again at each load."""

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
"""How far an output may differ from that in the probes, absolutely or relatively.

A model in single precision rounds each step to 6e-8 of its value (IEEE 754), and its sums of some hundred terms differ
by up to some 1e-6 if a CPU adds in another order or fuses multiplication with addition. This tolerance is ten times
that, and too small to change a decision. The check at a release is stricter (training/bundle/checks.py).
"""

RECORDS = 61
"""How many records there are: a prime, so that each field covers its whole range, in an order of its own."""

WIDENED = 0.1
"""How far beyond the trained range the values of a measure go on either side, as a share of the range."""

NULLS = 0.1
"""The share of the records in which a nullable measure is missing."""

DECIMALS = 9
"""The decimals to which stored outputs are rounded, as in the scorer."""

Output = float | tuple[float, ...] | tuple[tuple[float, ...], ...]
"""One output of the model: a number, or one number per record, or several per record."""


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
        """Return the contents of the file: JSON, one record per line."""
        return to_lines(self.model_dump(mode="json")) + "\n"


def make_probes(model_sha256: str, records: tuple[Row, ...], outputs: Mapping[str, NDArray[Any]]) -> Probes:
    """Return the probes of a model that gave these outputs for the records. Equal arguments give equal bytes."""
    kept = {name: np.round(output, DECIMALS).tolist() for name, output in outputs.items()}
    return Probes.model_validate({"model_sha256": model_sha256, "fields": COLUMNS, "records": records, "outputs": kept})


def make_records() -> tuple[Row, ...]:
    """Return records that cover every code, every null, and each measure's trained range and some values beyond it.

    They form a lattice: from one record to the next, each field advances by a step of its own, modulo `RECORDS`.
    """
    fields = list(fields_of_patient().values())
    return tuple(
        tuple(choose_value(field, step * place % RECORDS / (RECORDS - 1)) for step, field in enumerate(fields, start=1))
        for place in range(RECORDS)
    )


def choose_value(field: Declared, share: float) -> float | None:
    """Return the value of a field at this share, 0 to 1, of its range of values, of which missing comes last."""
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
    """Return a value as JSON; each member of an object, and each list in a list, is on its own line."""
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f"{json.dumps(name)}: {to_lines(member)}" for name, member in value.items()) + "\n}"
    if isinstance(value, list) and value and isinstance(value[0], list):
        return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"
    return json.dumps(value)
