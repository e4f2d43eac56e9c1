"""Jobs over HTTP: submit, read, list, cancel, erase."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Describe

from api.auth.credentials import CurrentCaller, caller_of
from api.batches.options import LONGEST_NAME
from api.gateway import CurrentGateway, Gateway
from api.http.openapi import refer
from api.http.problem import answers
from api.http.query import CheckedQueryRoute
from api.jobs.body import parse_rows, read_body
from api.jobs.options import (
    CANCEL_AFTER,
    IDEMPOTENCY_KEY,
    PREFER,
    PRIORITY,
    cancel_after_s,
    check_callback,
    idempotency,
    priority,
    wait_s,
)
from core.errors import EndedJob, UnknownJob
from core.ids import new_id
from core.ledger.answer import Answer
from core.ledger.callback import URL_LIMIT
from core.ledger.job import Job, State
from core.ledger.key import Caller
from core.ledger.protocol import NewJob
from core.schema.patient import EXAMPLE, Patient
from monitoring.log import trace

CallbackUrl = Annotated[
    str | None,
    Query(
        description="Told once the job has ended: a signed POST of its id and state. An http or https URL.",
        json_schema_extra={"format": "uri", "maxLength": URL_LIMIT},
    ),
]

RETRY_AFTER_S = 1
LISTED_BYTES = 2_048  # what one of a list takes while it is made, of which some 250 are sent

Explain = Annotated[bool, Query(description="Say with each score how its risk comes about.")]
"""A route's parameter: whether to explain the scores."""

ModelVersion = Annotated[
    str | None,
    Query(max_length=LONGEST_NAME, description="The only model that may score it; unless given, whichever is served."),
]
"""A route's parameter: the version of the model to score with."""

routes = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=CheckedQueryRoute)


class JobPage(BaseModel):
    """Jobs, newest first; the next page is asked for with `after` set to `last_id`."""

    data: list[Job]
    has_more: bool
    last_id: UUID | None


class Patients(BaseModel):
    """Many patients, as one job."""

    model_config = ConfigDict(extra="forbid")

    patients: Annotated[list[Patient], Describe(min_length=1)]


def body_of(*models: type[BaseModel], example: object) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body that the route reads itself."""
    schemas = [refer(model) for model in models]
    content = {"schema": {"anyOf": schemas} if len(schemas) > 1 else schemas[0], "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


@routes.post(
    "",
    status_code=202,
    response_model=Job,
    responses={200: {"model": Job, "description": "It has ended"}, **answers(400, 409, 413, 415, 422, 429, 503)},
    openapi_extra=body_of(Patient, Patients, example=EXAMPLE)
    | {"parameters": [IDEMPOTENCY_KEY, PREFER, PRIORITY, CANCEL_AFTER]},
)
async def submit(
    request: Request,
    gateway: CurrentGateway,
    explain: Explain = False,
    callback_url: CallbackUrl = None,
    model_version: ModelVersion = None,
) -> Response:
    """Submit one patient, or many as `{"patients": [...]}` (10,000 unless set otherwise).

    Answered as soon as the job is written down.

    202 means written to disk: the job is never lost, and its result never changes. With an `Idempotency-Key` a
    repeat with the same body answers the same job. With `Cancel-After: 90s` the job expires if it is not scored by
    then. With `Prefer: wait=10` the answer is 200 with the ended job if that takes no longer, else 202 as without.
    With `callback_url` that URL is told when the job has ended, at least once. With `model_version` the job fails, with
    code `model-not-served`, if that is not the version that is served when its turn comes.
    """
    body = await read_body(request, gateway.settings.body_limit_bytes)
    by = caller_of(request)
    callback = await check_callback(callback_url, by, gateway.settings, gateway.resolver)
    same, deadline_s = idempotency(request, by, body), cancel_after_s(request)
    rows = await parse_rows(body, gateway.settings.patients_limit, gateway.pace, by.key)
    patience_s = wait_s(request, gateway.settings.wait_limit_s)
    waiter = "" if patience_s is None else gateway.waiter
    urgency, version = priority(request), model_version or ""
    job = NewJob(
        new_id(), rows, deadline_s, same, explain, callback, trace(), by, version, priority=urgency, waiter=waiter
    )
    if patience_s is None:
        return accepted(gateway, by, *await gateway.submit(job))
    return accepted(gateway, by, *await gateway.submit_and_wait(job, patience_s, request), patience_s)


def accepted(gateway: Gateway, by: Caller, answer: Answer, before: bool, patience_s: float | None = None) -> Response:
    """Return the response to a submit: 202, or 200 if it was waited for, with some patience, and has ended.

    It says where to poll, and whether an earlier request with the same key made the job.
    """
    headers = {"Location": f"/v1/jobs/{answer.job.id}", "Retry-After": str(RETRY_AFTER_S)}
    if before:
        headers["Idempotent-Replayed"] = "true"
    if patience_s is not None:
        headers["Preference-Applied"] = f"wait={patience_s:g}"
    status = 202 if patience_s is None or not answer.job.state.ended else 200
    return gateway.answers.respond(answer, by.key, status, headers, fresh=not before)


@routes.get("/{id}", response_model=Job, responses=answers(404, 410, 429, 500, 503))
async def read(id: str, gateway: CurrentGateway, by: CurrentCaller) -> Response:
    """Read a job: its state, and its scores once it succeeded.

    Many scores are sent as they are read: 429 if the key holds too much that it does not read.
    """
    answer = await run_sync(gateway.ledger.answer, job_id(id), by)
    headers = {} if answer.job.state.ended else {"Retry-After": str(RETRY_AFTER_S)}
    return gateway.answers.respond(answer, by.key, 200, headers)


@routes.get("", name="list", response_model=JobPage, responses=answers(422, 429, 503))
async def list_jobs(
    gateway: CurrentGateway,
    by: CurrentCaller,
    state: State | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
    after: UUID | None = None,
) -> Response:
    """List jobs, newest first: those in one state or all, `limit` at a time, older than the job `after`."""
    return gateway.answers.respond_late(
        partial(page_of, gateway, by, state, limit, after), by.key, limit * LISTED_BYTES
    )


def page_of(gateway: Gateway, by: Caller, state: State | None, limit: int, after: UUID | None) -> JobPage:
    """Return the page of a list."""
    page = gateway.ledger.page(state=state, limit=limit, after=str(after) if after else None, by=by)
    return JobPage(data=page.items, has_more=page.has_more, last_id=page.items[-1].id if page.items else None)


@routes.post("/{id}/cancel", responses=answers(404, 409, 410, 503))
def cancel(id: str, gateway: CurrentGateway, by: CurrentCaller) -> Job:
    """Cancel a job. One that is being scored is canceled all the same: its result is thrown away."""
    job = gateway.ledger.cancel(job_id(id), by)
    if job.state is not State.CANCELED:
        raise EndedJob
    return job


@routes.delete("/{id}", status_code=204, responses=answers(404, 410, 503))
def erase(id: str, gateway: CurrentGateway, by: CurrentCaller) -> None:
    """Erase a job with all that is known of it, whatever its state; from then on it is unknown."""
    gateway.ledger.erase(job_id(id), by)


def job_id(text: str) -> str:
    """Return the id as the ledger writes it. Raises UnknownJob for what can be no id."""
    try:
        return str(UUID(text))
    except ValueError:
        raise UnknownJob from None
