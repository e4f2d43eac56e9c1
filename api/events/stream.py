"""Events: the story of a job or of a batch as server-sent events, told again from where a client left off."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from pydantic_core import to_json

from api import gateway
from api.auth.credentials import CurrentCaller, caller_of
from api.batches import service as files
from api.batches.routes import batch_id
from api.events.watcher import JobWatcher, Subscription
from api.http.problem import Responses, answers
from api.http.query import CheckedQueryRoute
from api.jobs.answers import Answers, CapacityResponse
from api.jobs.options import LAST_EVENT_ID
from api.jobs.routes import job_id
from core.errors import Crowded, ExpiredBatch, ExpiredJob, LedgerLost, QuotaExceeded, UnknownBatch, UnknownJob
from core.ledger.answer import Answer
from core.ledger.batch import Batch
from core.ledger.job import State

PING_S = 15

job_routes = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=CheckedQueryRoute)
batch_routes = APIRouter(prefix="/v1/batches", tags=["batches"], route_class=CheckedQueryRoute)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a job or a batch; its number is its place in the story, and grows.

    Of a large `answer`, which is its data, nothing else is said.
    """

    number: int
    name: str
    data: str
    answer: Answer | None = None

    def encode(self) -> bytes:
        """Return the event as it is sent."""
        return format_sse_event(event=self.name, data_str=self.data, id=str(self.number))


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EventSource(Generic[T]):
    """What is told of a job or a batch: how it is read, what has happened to it by then, and the last event's number.

    The story is over once that event was told. `read` raises as `Ledger.answer` does.
    """

    id: str
    watcher: JobWatcher[T]
    read: Callable[[str], T]
    events: Callable[[T], Iterator[Event]]
    last: int


LAST = 5
LAST_OF_BATCH = 2_000_000  # above the numbers of all parts


def events_of(answer: Answer) -> Iterator[Event]:
    """Yield all that has happened to the job: 1 queued, 2 running, 3 the end state, 4 the result, 5 the end.

    A job that ended without having run has no event 2.
    """
    job = answer.job
    yield _state(1, State.QUEUED, job.accepted_at)
    if job.started_at:
        yield _state(2, State.RUNNING, job.started_at)
    if job.state.ended:
        yield _state(3, job.state, job.finished_at)
        if answer.rows_bytes:
            yield Event(4, "result", "", answer)
        else:
            yield Event(4, "result", answer.to_json().decode())
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
SAID: Responses = {200: STREAM, 204: TOLD, **answers(404, 410, 429, 503)}


@job_routes.get("/{id}/events", response_class=Response, responses=SAID, openapi_extra=FROM)
async def events(id: str, request: Request, here: gateway.CurrentGateway, by: CurrentCaller) -> Response:
    """Stream a job's events (`text/event-stream`): each `state`, then the `result` (the job), then `end`.

    A client that was cut off sends `Last-Event-ID` and is told what came after it; one that has been told all is
    answered 204, which ends an EventSource for good.
    """
    read = partial(here.ledger.answer, by=by)
    return await tell(request, here.answers, EventSource(job_id(id), here.watcher, read, events_of, LAST))


@batch_routes.get("/{id}/events", response_class=Response, responses=SAID, openapi_extra=FROM)
async def progress(id: str, request: Request, here: files.CurrentFiles, by: CurrentCaller) -> Response:
    """Stream a batch's progress (`text/event-stream`): the batch each time that a part of it is done, then `end`.

    `Last-Event-ID` is taken as for a job.
    """
    read = partial(here.bulk.batches.read, by=by)
    return await tell(request, here.answers, EventSource(batch_id(id), here.watcher, read, progress_of, LAST_OF_BATCH))


async def tell(request: Request, answers: Answers, source: EventSource[T]) -> Response:
    """Return the response that streams a story, from behind the event that the client names.

    Raises what reading does. One stream too many raises QuotaExceeded or Crowded as it begins.
    """
    last, owner = request.headers.get("last-event-id", ""), caller_of(request).key
    told = int(last) if last.isdecimal() and len(last) <= len(str(source.last)) else 0
    await run_sync(source.read, source.id)
    if told >= source.last:
        return Response(status_code=204)

    async def begin() -> Response:
        return EventSourceResponse(stream(source, told, answers, owner), headers={"Cache-Control": "no-store"})

    return CapacityResponse(answers.hold_stream(owner), begin)


GONE = UnknownJob, ExpiredJob, UnknownBatch, ExpiredBatch, LedgerLost


async def stream(source: EventSource[T], told: int, answers: Answers, owner: str) -> AsyncIterator[bytes]:
    """Yield the events after number `told` as they happen, and a comment whenever nothing does for a while."""
    with source.watcher.of(source.id, begins=True) as subscription, suppress(*GONE):
        seen: T | None = await run_sync(source.read, source.id)
        while seen:
            for event in source.events(seen):
                if event.number > told:
                    async for piece in encode(event, answers, owner):
                        yield piece
                    told = event.number
            if told >= source.last:
                return
            while (seen := await soon(subscription)) is None and not subscription.over:
                yield KEEPALIVE_COMMENT


async def soon(subscription: Subscription[T]) -> T | None:
    """Return what is told next, or None if that is nothing for a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PING_S):
            return await subscription.next()
    return None


async def encode(event: Event, answers: Answers, owner: str) -> AsyncIterator[bytes]:
    """Yield an event as it is sent: at once, or a large answer in pieces, and comments until there is room for it.

    Raises what `Ledger.rows` does.
    """
    if event.answer is None:
        yield event.encode()
        return
    before, line, after = event.encode().partition(b"data: ")
    while True:
        try:
            async with answers.hold(owner, event.answer.rows_bytes, PING_S):
                rows = await answers.rows(event.answer)
                yield before + line
                async for piece in answers.pieces(event.answer, rows, owner):
                    yield piece
                yield after
                return
        except (Crowded, QuotaExceeded):  # raised before anything is held
            yield KEEPALIVE_COMMENT
