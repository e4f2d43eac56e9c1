"""The behaviour: what a model must say of patients, whatever its metrics are."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.schema.patient import COLUMNS, EXAMPLE, Patient, Row, fields_of_patient
from models.features import to_matrix
from models.scorer import Scorer

Value = str | float | None

DIRECTIONS: tuple[tuple[str, Value, Value], ...] = (
    ("ca", "none", "one"),
    ("ca", "one", "two"),
    ("ca", "none", "three"),
    ("thal", "normal", "reversible"),
    ("cp", "typical", "asymptomatic"),
    ("cp", "non-anginal", "asymptomatic"),
    ("exang", "no", "yes"),
    ("slope", "up", "flat"),
    ("sex", "female", "male"),
    ("oldpeak", 0, 1),
    ("oldpeak", 1, 4),
    ("thalach", 180, 120),
    ("trestbps", 120, 160),
    ("ca", "none", None),
    ("ca", None, "two"),
    ("thal", "normal", None),
    ("thal", None, "reversible"),
)
"""A field, and two values of it: with the second, every patient's risk is the higher. None is what was not measured.

They hold in this table, where the patients were sent for an angiogram: of those, the ones without pain were sent for
another strong reason. In the streets it is the other way round.
"""

NEVER_LOWER: tuple[tuple[str, Value, Value], ...] = (("ca", "two", "three"),)
"""The same, but the risk may stay what it is: 20 patients with three vessels are too few to tell them from two."""

INDIFFERENT: tuple[tuple[str, tuple[Value, ...]], ...] = (("chol", (100, 300, 600, None)),)
"""A field, and values of it that change no risk."""

SIGNS = {"cp": "asymptomatic", "exang": "yes", "oldpeak": 4, "slope": "flat", "ca": "two", "thal": "reversible"}
NO_SIGNS = {"cp": "typical", "exang": "no", "oldpeak": 0, "slope": "up", "ca": "none", "thal": "normal"}

KNOWN: tuple[tuple[str, Mapping[str, object], float, float], ...] = (
    ("the example patient with every sign", EXAMPLE | SIGNS, 0.95, 1.0),
    ("the example patient with no sign", EXAMPLE | NO_SIGNS, 0.0, 0.05),
    ("the example patient", EXAMPLE, 0.05, 0.5),
)
"""Patients, and between which risks each must be scored."""


def find_faults(scorer: Scorer, rows: Sequence[Row]) -> list[str]:
    """Return a sentence for each thing that the model says and should not, of these patients or of `KNOWN`."""
    return [*find_wrong_ways(scorer, rows), *find_dependences(scorer, rows), *find_misjudged(scorer)]


def find_wrong_ways(scorer: Scorer, rows: Sequence[Row]) -> Iterator[str]:
    """Yield a sentence for each pair of values that moves a risk the wrong way."""
    strict = [(*direction, True) for direction in DIRECTIONS] + [(*direction, False) for direction in NEVER_LOWER]
    for name, lower, higher, must_rise in strict:
        rise = risks_with(scorer, rows, name, higher) - risks_with(scorer, rows, name, lower)
        wrong = int((rise <= 0 if must_rise else rise < 0).sum())
        if wrong:
            word = "does not score above" if must_rise else "scores below"
            yield f"{name} {say(higher)} {word} {name} {say(lower)} for {wrong} of {len(rows)} patients"


def find_dependences(scorer: Scorer, rows: Sequence[Row]) -> Iterator[str]:
    """Yield a sentence for each thing that changes a risk and should not."""
    for name, values in INDIFFERENT:
        if len({risks_with(scorer, rows, name, value).tobytes() for value in values}) > 1:
            yield f"{name} changes the risk"
    alone = np.concatenate([scorer.risk(to_matrix([row])) for row in rows])
    if not np.array_equal(alone, scorer.risk(to_matrix(rows))):
        yield "a patient's risk depends on whose company they are scored in"


def find_misjudged(scorer: Scorer) -> Iterator[str]:
    """Yield a sentence for each patient of `KNOWN` whose risk is not where it must be."""
    for who, patient, low, high in KNOWN:
        (risk,) = scorer.risk(to_matrix([Patient.model_validate(patient).to_row()]))
        if not low <= risk <= high:
            yield f"{who} scores {risk:.3f}, not from {low} to {high}"


def risks_with(scorer: Scorer, rows: Sequence[Row], name: str, value: Value) -> NDArray[np.float64]:
    """Return every patient's risk, had this field this value: float64 (n,)."""
    column, checked = COLUMNS.index(name), fields_of_patient()[name].parse(value)
    return scorer.risk(to_matrix([(*row[:column], checked, *row[column + 1 :]) for row in rows]))


def say(value: Value) -> str:
    """Return the value as a sentence has it."""
    return "null" if value is None else str(value)
