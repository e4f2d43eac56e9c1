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
from api.http.openapi import refer_to
from api.http.problem import describe_problems
from api.http.query import CheckedQueryRoute
from api.jobs.body import parse_rows, read_body
from api.jobs.options import (
    CANCEL_AFTER,
    IDEMPOTENCY_KEY,
    PREFER,
    PRIORITY,
    check_callback,
    read_cancel_after,
    read_idempotency,
    read_priority,
    read_wait,
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
LISTED_BYTES = 2_048  # memory of one listed job while the response is made; some 250 bytes of it are sent

Explain = Annotated[bool, Query(description="Say with each score how its risk comes about.")]
"""The query parameter `explain`: whether to explain the scores."""

ModelVersion = Annotated[
    str | None,
    Query(max_length=LONGEST_NAME, description="The only model that may score it; unless given, whichever is served."),
]
"""The query parameter `model_version`: the only version that may score the job."""

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


def describe_body(*models: type[BaseModel], example: object) -> dict[str, Any]:
    """Return the `requestBody` in the OpenAPI document for a body that the route reads itself."""
    schemas = [refer_to(model) for model in models]
    content = {"schema": {"anyOf": schemas} if len(schemas) > 1 else schemas[0], "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


@routes.post(
    "",
    status_code=202,
    response_model=Job,
    responses={
        200: {"model": Job, "description": "It has ended"},
        **describe_problems(400, 409, 413, 415, 422, 429, 503),
    },
    openapi_extra=describe_body(Patient, Patients, example=EXAMPLE)
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
    idempotency, deadline_s = read_idempotency(request, by, body), read_cancel_after(request)
    rows = await parse_rows(body, gateway.settings.patients_limit, gateway.pace, by.key)
    max_wait_s = read_wait(request, gateway.settings.wait_limit_s)
    waiter = "" if max_wait_s is None else gateway.waiter
    urgency, version = read_priority(request), model_version or ""
    job = NewJob(
        new_id(),
        rows,
        deadline_s,
        idempotency,
        explain,
        callback,
        trace(),
        by,
        version,
        priority=urgency,
        waiter=waiter,
    )
    if max_wait_s is None:
        return respond_accepted(gateway, by, *await gateway.submit(job))
    return respond_accepted(gateway, by, *await gateway.submit_and_wait(job, max_wait_s, request), max_wait_s)


def respond_accepted(
    gateway: Gateway, by: Caller, answer: Answer, replayed: bool, max_wait_s: float | None = None
) -> Response:
    """Return the response to a submit: 202, or 200 if the request waited for the job and it has ended.

    The headers say where to poll, and whether an earlier request with the same key created the job.
    """
    headers = {"Location": f"/v1/jobs/{answer.job.id}", "Retry-After": str(RETRY_AFTER_S)}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    if max_wait_s is not None:
        headers["Preference-Applied"] = f"wait={max_wait_s:g}"
    status = 202 if max_wait_s is None or not answer.job.state.ended else 200
    return gateway.answers.respond(answer, by.key, status, headers, fresh=not replayed)


@routes.get("/{id}", response_model=Job, responses=describe_problems(404, 410, 429, 500, 503))
async def read(id: str, gateway: CurrentGateway, by: CurrentCaller) -> Response:
    """Read a job: its state, and its scores once it succeeded.

    Many scores are sent as they are read: 429 if the key holds too much that it does not read.
    """
    answer = await run_sync(gateway.ledger.answer, parse_job_id(id), by)
    headers = {} if answer.job.state.ended else {"Retry-After": str(RETRY_AFTER_S)}
    return gateway.answers.respond(answer, by.key, 200, headers)


@routes.get("", name="list", response_model=JobPage, responses=describe_problems(422, 429, 503))
async def list_jobs(
    gateway: CurrentGateway,
    by: CurrentCaller,
    state: State | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
    after: UUID | None = None,
) -> Response:
    """List jobs, newest first: those in one state or all, `limit` at a time, older than the job `after`."""
    return gateway.answers.respond_when_made(
        partial(read_page, gateway, by, state, limit, after), by.key, limit * LISTED_BYTES
    )


def read_page(gateway: Gateway, by: Caller, state: State | None, limit: int, after: UUID | None) -> JobPage:
    """Return one page of the list. Raises LedgerUnavailable."""
    page = gateway.ledger.page(state=state, limit=limit, after=str(after) if after else None, by=by)
    return JobPage(data=page.items, has_more=page.has_more, last_id=page.items[-1].id if page.items else None)


@routes.post("/{id}/cancel", responses=describe_problems(404, 409, 410, 503))
def cancel(id: str, gateway: CurrentGateway, by: CurrentCaller) -> Job:
    """Cancel a job. One that is being scored is canceled all the same: its result is thrown away."""
    job = gateway.ledger.cancel(parse_job_id(id), by)
    if job.state is not State.CANCELED:
        raise EndedJob
    return job


@routes.delete("/{id}", status_code=204, responses=describe_problems(404, 410, 503))
def erase(id: str, gateway: CurrentGateway, by: CurrentCaller) -> None:
    """Erase a job with all that is known of it, whatever its state; from then on it is unknown."""
    gateway.ledger.erase(parse_job_id(id), by)


def parse_job_id(text: str) -> str:
    """Return the id in the form of the ledger. Raises UnknownJob if the text is not a UUID."""
    try:
        return str(UUID(text))
    except ValueError:
        raise UnknownJob from None
