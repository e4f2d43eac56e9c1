"""Patients and jobs for tests."""

from hypothesis import strategies as st

from core.ids import new_id
from core.ledger.key import ANYONE, Caller
from core.ledger.protocol import USUAL_PRIORITY, Idempotency, NewJob
from core.schema.field import Field, Measure
from core.schema.patient import EXAMPLE, Patient, Row, fields_of_patient

PATIENT = Patient.model_validate(EXAMPLE)
ROW = PATIENT.to_row()


def values_of(field: Field) -> st.SearchStrategy[float | None]:
    """Return a strategy for the checked values of a field."""
    if isinstance(field, Measure):
        values: st.SearchStrategy[float | None] = st.floats(*field.hard)
    else:
        values = st.sampled_from(list(field.names))
    return values | st.none() if field.nullable else values


ROWS: st.SearchStrategy[list[Row]] = st.lists(
    st.tuples(*map(values_of, fields_of_patient().values())), min_size=1, max_size=5
)
"""A few patients of any kind, with and without what may be missing."""


def new_job(
    patients: int = 1,
    *,
    cancel_after_s: float | None = None,
    key: str | None = None,
    body: str = "body",
    explain: bool = False,
    callback: str | None = None,
    trace: str | None = None,
    by: Caller = ANYONE,
    model_version: str = "",
    priority: int = USUAL_PRIORITY,
) -> NewJob:
    """Return a job of so many patients, all the example."""
    same = Idempotency(key, body) if key else None
    return NewJob(
        new_id(), [ROW] * patients, cancel_after_s, same, explain, callback, trace, by, model_version, priority
    )
