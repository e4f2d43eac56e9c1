"""Patients and jobs for tests."""

from contract.ledger.protocol import Idempotency, NewJob
from contract.ledger.record import new_id
from contract.patient import EXAMPLE, Patient

PATIENT = Patient.model_validate(EXAMPLE)
ROW = PATIENT.to_row()


def new_job(
    patients: int = 1, *, cancel_after_s: float | None = None, key: str | None = None, body: str = "body"
) -> NewJob:
    """Return a job of so many patients, all the example."""
    same = Idempotency(key, body) if key else None
    return NewJob(new_id(), [ROW] * patients, cancel_after_s, same)
