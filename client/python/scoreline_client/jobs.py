"""What is done with jobs, as plans."""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from scoreline_client.errors import NotScored
from scoreline_client.options import JobOptions
from scoreline_client.steps import Pause, Service, Steps, ask_as, make_pauses
from scoreline_client.wire.api.jobs import jobs_cancel, jobs_list, jobs_read, jobs_submit
from scoreline_client.wire.models import Job, JobPage, Patient, Patients, Score, State
from scoreline_client.wire.types import UNSET

AnyPatient = Patient | Mapping[str, Any]
"""A patient, or its fields by name; a category by its code or its name."""

OPEN: set[State] = {"queued", "running"}
LONGEST_WAIT_S = 30
"""Longest that one request waits; a proxy may cut off one that takes a minute."""


def score(service: Service, patient: AnyPatient, wait_s: float, options: JobOptions) -> Steps[Score]:
    """Submit one patient and return its score. Raises NotScored."""
    job = yield from submit(service, patient, wait_s, options)
    if job.scores:
        return job.scores[0]
    if job.state in OPEN:
        raise NotScored(f"job {job.id} is {job.state} after {wait_s:g} s; it is not lost: read it later.")
    raise NotScored(f"job {job.id} {job.state}" + (f": {job.error.message}" if job.error else "."))


def submit(
    service: Service, patients: AnyPatient | Sequence[AnyPatient], wait_s: float, options: JobOptions
) -> Steps[Job]:
    """Submit patients as one job, exactly once however often it must be sent; return it, ended if that is in time."""
    end_s, first_wait_s = time.monotonic() + wait_s, int(min(wait_s, LONGEST_WAIT_S))
    request = jobs_submit._get_kwargs(
        body=Patients([]),
        explain=options.get("explain", UNSET),
        callback_url=options.get("callback_url", UNSET),
        cancel_after=f"{options['cancel_after_s']}s" if "cancel_after_s" in options else UNSET,
        idempotency_key=quote_key(options.get("key")),
        prefer=f"wait={first_wait_s}" if first_wait_s else UNSET,
    )
    job = yield from ask_as(service, request | {"json": to_json(patients)}, Job.from_dict, first_wait_s)
    if job.state in OPEN and wait_s > 0:
        return (yield from wait(service, job.id, end_s - time.monotonic()))
    return job


def wait(service: Service, id: UUID | str, within_s: float) -> Steps[Job]:
    """Return the job once it has ended, or as it is after `within_s` seconds."""
    end_s, pauses = time.monotonic() + within_s, make_pauses()
    while True:
        job = yield from find(service, id)
        pause_s = min(next(pauses), end_s - time.monotonic())
        if job.state not in OPEN or pause_s <= 0:
            return job
        yield Pause(pause_s)


def find(service: Service, id: UUID | str) -> Steps[Job]:
    """Return the job."""
    return ask_as(service, jobs_read._get_kwargs(str(id)), Job.from_dict)


def page(service: Service, state: State | None, limit: int, after: UUID | str | None) -> Steps[JobPage]:
    """Return jobs, newest first."""
    older = UUID(str(after)) if after else None
    return ask_as(service, jobs_list._get_kwargs(state=state, limit=limit, after=older), JobPage.from_dict)


def cancel(service: Service, id: UUID | str) -> Steps[Job]:
    """Cancel the job and return it."""
    return ask_as(service, jobs_cancel._get_kwargs(str(id)), Job.from_dict)


def quote_key(key: str | None) -> str:
    """Return an Idempotency-Key as the header has it, a new one if there is none.

    It is one for all attempts: if only the answer was lost, the service answers with what it already made.
    """
    return f'"{key or uuid4()}"'


def to_json(patients: AnyPatient | Sequence[AnyPatient]) -> dict[str, Any]:
    """Return the body that says these patients, as they were given: what is wrong with them the service says."""
    if isinstance(patients, Patient):
        return patients.to_dict()
    if isinstance(patients, Mapping):
        return dict(patients)
    return {"patients": [to_json(patient) for patient in patients]}
