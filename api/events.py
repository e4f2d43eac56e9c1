"""Events: a job's story as server-sent events, told again from where a client left off."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from pydantic_core import to_json

from api.gateway import Gateway, Here
from api.jobs import job_id
from api.problem import answers
from contract.errors import ExpiredJob, UnknownJob
from contract.job import Job, State

PING_S = 15

routes = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a job; its number is its place in the story, the same for every job."""

    number: int
    name: str
    data: str

    def encode(self) -> bytes:
        """Return the event as it is sent."""
        return format_sse_event(event=self.name, data_str=self.data, id=str(self.number))


LAST = 5


def events_of(job: Job) -> Iterator[Event]:
    """Yield all that has happened to the job: 1 queued, 2 running, 3 the end state, 4 the result, 5 the end.

    A job that ended without having run has no event 2.
    """
    yield _state(1, State.QUEUED, job.accepted_at)
    if job.started_at:
        yield _state(2, State.RUNNING, job.started_at)
    if job.state.ended:
        yield _state(3, job.state, job.finished_at)
        yield Event(4, "result", job.model_dump_json())
        yield Event(LAST, "end", "{}")


def _state(number: int, state: State, at: datetime | None) -> Event:
    return Event(number, "state", to_json({"state": state, "at": at}).decode())


STREAM = {"description": "The events", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
TOLD = {"description": "All has been told"}


@routes.get("/{id}/events", response_class=Response, responses={200: STREAM, 204: TOLD, **answers(404, 410, 503)})
async def events(id: str, request: Request, here: Here) -> Response:
    """Stream a job's events (`text/event-stream`): each `state`, then the `result` (the job), then `end`.

    A client that was cut off sends `Last-Event-ID` and is told what came after it; one that has been told all is
    answered 204, which ends an EventSource for good.
    """
    last = request.headers.get("last-event-id", "")
    told = int(last) if last.isdecimal() and len(last) == 1 else 0
    job = await run_sync(here.ledger.read, job_id(id))
    if told >= LAST:
        return Response(status_code=204)
    return EventSourceResponse(stream(here, str(job.id), told), headers={"Cache-Control": "no-store"})


async def stream(here: Gateway, id: str, told: int) -> AsyncIterator[bytes]:
    """Yield the job's events after number `told` as they happen, and a comment whenever nothing does for a while."""
    with here.notices.of(id, begins=True) as notice:
        try:
            job: Job | None = await run_sync(here.ledger.read, id)
        except (UnknownJob, ExpiredJob):
            return
        while job:
            for event in events_of(job):
                if event.number > told:
                    yield event.encode()
                    told = event.number
            if job.state.ended:
                return
            job = None
            while not job and not notice.over:
                try:
                    async with asyncio.timeout(PING_S):
                        job = await notice.next()
                except TimeoutError:
                    yield KEEPALIVE_COMMENT
