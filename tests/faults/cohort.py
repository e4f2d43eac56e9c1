"""The patients that the traffic submits, and the scores that each of them must get."""

import json
from functools import cache

from core.schema.patient import EXAMPLE, Patient, Row
from core.settings import Settings
from models.features import to_matrix
from models.scorer import Scorer

MANY = 20  # patients in each job that has several
MANY_EVERY = 50

POISON = {"age": 66.0, "oldpeak": 6.66}
"""What marks the patient that kills whoever scores it; see `tests.faults.poison`."""


def patients(index: int) -> list[dict[str, float]]:
    """Return the patients of the traffic's job number `index`: one, or every `MANY_EVERY`th time several."""
    return [_patient(index + step) for step in range(1 if index % MANY_EVERY else MANY)]


def body(cases: list[dict[str, float]]) -> bytes:
    """Return the request body that submits the patients as one job."""
    return json.dumps(cases[0] if len(cases) == 1 else {"patients": cases}).encode()


def risks(cases: list[dict[str, float]]) -> list[float]:
    """Return the risks that the released model gives the patients, each scored alone."""
    return [_risk(Patient.model_validate(case).to_row()) for case in cases]


def _patient(number: int) -> dict[str, float]:
    return EXAMPLE | {"age": 30 + number % 37, "trestbps": 100 + number % 53, "oldpeak": number % 23 / 10}


@cache
def _scorer() -> Scorer:
    return Scorer.load(Settings().bundle)


@cache
def _risk(row: Row) -> float:
    return float(_scorer().risk(to_matrix([row]))[0])
