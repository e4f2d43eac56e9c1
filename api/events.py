"""Events: the story of a job or of a batch as server-sent events, told again from where a client left off."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from pydantic_core import to_json

from api import files, gateway
from api.asked import Asked
from api.batches import batch_id
from api.caller import By
from api.headers import LAST_EVENT_ID
from api.jobs import job_id
from api.notices import Notices
from api.problem import Responses, answers
from contract.batch import Batch
from contract.errors import ExpiredBatch, ExpiredJob, UnknownBatch, UnknownJob
from contract.job import Job, State

PING_S = 15

job_routes = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=Asked)
batch_routes = APIRouter(prefix="/v1/batches", tags=["batches"], route_class=Asked)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a job or a batch; its number is its place in the story, and grows."""

    number: int
    name: str
    data: str

    def encode(self) -> bytes:
        """Return the event as it is sent."""
        return format_sse_event(event=self.name, data_str=self.data, id=str(self.number))


class Told(Protocol):
    """What has a story: a job or a batch."""

    @property
    def state(self) -> State:
        """Its state; the story is over once that is an end state."""


T = TypeVar("T", bound=Told)

LAST = 5
LAST_OF_BATCH = 2_000_000  # above the numbers of all parts


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


def progress_of(batch: Batch) -> Iterator[Event]:
    """Yield how far the batch is, numbered by its parts: 1 queued, 2 running, 3 and so on as parts are done; the end.

    Each is the whole batch as it is then, so that whoever misses one misses nothing.
    """
    done = LAST_OF_BATCH - 1 if batch.state.ended else batch.counts.parts_done + (2 if batch.started_at else 1)
    yield Event(done, "progress", batch.model_dump_json())
    if batch.state.ended:
        yield Event(LAST_OF_BATCH, "end", "{}")


def _state(number: int, state: State, at: datetime | None) -> Event:
    return Event(number, "state", to_json({"state": state, "at": at}).decode())


TEXT = {"type": "string"}
EVENT = {"type": "object", "properties": {"event": TEXT, "data": TEXT, "id": TEXT}, "required": ["event", "data"]}
STREAM = {"description": "The events", "content": {"text/event-stream": {"itemSchema": EVENT}}}
TOLD = {"description": "All has been told"}
FROM = {"parameters": [LAST_EVENT_ID]}
SAID: Responses = {200: STREAM, 204: TOLD, **answers(404, 410, 503)}


@job_routes.get("/{id}/events", response_class=Response, responses=SAID, openapi_extra=FROM)
async def events(id: str, request: Request, here: gateway.Here, by: By) -> Response:
    """Stream a job's events (`text/event-stream`): each `state`, then the `result` (the job), then `end`.

    A client that was cut off sends `Last-Event-ID` and is told what came after it; one that has been told all is
    answered 204, which ends an EventSource for good.
    """
    return await tell(request, job_id(id), here.notices, partial(here.ledger.read, by=by), events_of, LAST)


@batch_routes.get("/{id}/events", response_class=Response, responses=SAID, openapi_extra=FROM)
async def progress(id: str, request: Request, here: files.Here, by: By) -> Response:
    """Stream a batch's progress (`text/event-stream`): the batch each time that a part of it is done, then `end`.

    `Last-Event-ID` is taken as for a job.
    """
    return await tell(
        request, batch_id(id), here.notices, partial(here.bulk.batches.read, by=by), progress_of, LAST_OF_BATCH
    )


async def tell(
    request: Request,
    id: str,
    notices: Notices[T],
    read: Callable[[str], T],
    story: Callable[[T], Iterator[Event]],
    end: int,
) -> Response:
    """Return the answer that streams a story, from behind the event that the client names. Raises what `read` does."""
    last = request.headers.get("last-event-id", "")
    told = int(last) if last.isdecimal() and len(last) <= len(str(end)) else 0
    await run_sync(read, id)
    if told >= end:
        return Response(status_code=204)
    return EventSourceResponse(stream(id, notices, read, story, told), headers={"Cache-Control": "no-store"})


GONE = UnknownJob, ExpiredJob, UnknownBatch, ExpiredBatch


async def stream(
    id: str, notices: Notices[T], read: Callable[[str], T], story: Callable[[T], Iterator[Event]], told: int
) -> AsyncIterator[bytes]:
    """Yield the events after number `told` as they happen, and a comment whenever nothing does for a while."""
    with notices.of(id, begins=True) as notice:
        try:
            seen: T | None = await run_sync(read, id)
        except GONE:
            return
        while seen:
            for event in story(seen):
                if event.number > told:
                    yield event.encode()
                    told = event.number
            if seen.state.ended:
                return
            seen = None
            while not seen and not notice.over:
                try:
                    async with asyncio.timeout(PING_S):
                        seen = await notice.next()
                except TimeoutError:
                    yield KEEPALIVE_COMMENT
