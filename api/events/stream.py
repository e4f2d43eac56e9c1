"""The events of a job or a batch as server-sent events; a client can resume after the last one that it received."""

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

from api.auth.credentials import CurrentCaller, caller_of
from api.batches.routes import parse_batch_id
from api.batches.service import CurrentFiles
from api.events.watcher import JobWatcher, Subscription
from api.gateway import CurrentGateway
from api.http.problem import Responses, describe_problems
from api.http.query import CheckedQueryRoute
from api.jobs.answers import Answers, CapacityResponse
from api.jobs.options import LAST_EVENT_ID
from api.jobs.routes import parse_job_id
from core.errors import Crowded, ExpiredBatch, ExpiredJob, LedgerLost, QuotaExceeded, UnknownBatch, UnknownJob
from core.ledger.answer import Answer
from core.ledger.batch import Batch
from core.ledger.job import State

PING_S = 15

job_routes = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=CheckedQueryRoute)
batch_routes = APIRouter(prefix="/v1/batches", tags=["batches"], route_class=CheckedQueryRoute)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a job or a batch, with its number; the numbers grow.

    An event with a large result has it as `answer` instead of `data`.
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
    """The events of one job or batch: how to read it, which events it has had, and the number of the last event.

    The stream ends after the event with the number `last`. `read` raises what `Ledger.answer` raises.
    """

    id: str
    watcher: JobWatcher[T]
    read: Callable[[str], T]
    events: Callable[[T], Iterator[Event]]
    last: int


LAST_EVENT = 5
LAST_BATCH_EVENT = 2_000_000  # above the numbers of all parts


def make_job_events(answer: Answer) -> Iterator[Event]:
    """Yield the job's events so far: 1 queued, 2 running, 3 the end state, 4 the result, 5 the end.

    A job that ended without running has no event 2.
    """
    job = answer.job
    yield _make_state_event(1, State.QUEUED, job.accepted_at)
    if job.started_at:
        yield _make_state_event(2, State.RUNNING, job.started_at)
    if job.state.ended:
        yield _make_state_event(3, job.state, job.finished_at)
        if answer.rows_bytes:
            yield Event(4, "result", "", answer)
        else:
            yield Event(4, "result", answer.to_json().decode())
        yield Event(LAST_EVENT, "end", "{}")


def make_progress_events(batch: Batch) -> Iterator[Event]:
    """Yield the batch's latest progress, numbered by its parts: 1 queued, 2 running, 3 and up for done parts; the end.

    Each event is the whole batch, so that a client that misses one misses nothing.
    """
    done = LAST_BATCH_EVENT - 1 if batch.state.ended else batch.counts.parts_done + (2 if batch.started_at else 1)
    yield Event(done, "progress", batch.model_dump_json())
    if batch.state.ended:
        yield Event(LAST_BATCH_EVENT, "end", "{}")


def _make_state_event(number: int, state: State, at: datetime | None) -> Event:
    return Event(number, "state", to_json({"state": state, "at": at}).decode())


TEXT = {"type": "string"}
EVENT = {"type": "object", "properties": {"event": TEXT, "data": TEXT, "id": TEXT}, "required": ["event", "data"]}
STREAM = {"description": "The events", "content": {"text/event-stream": {"itemSchema": EVENT}}}
NO_MORE_EVENTS = {"description": "All has been told"}
PARAMETERS = {"parameters": [LAST_EVENT_ID]}
RESPONSES: Responses = {200: STREAM, 204: NO_MORE_EVENTS, **describe_problems(404, 410, 429, 503)}


@job_routes.get("/{id}/events", response_class=Response, responses=RESPONSES, openapi_extra=PARAMETERS)
async def events(id: str, request: Request, gateway: CurrentGateway, by: CurrentCaller) -> Response:
    """Stream a job's events (`text/event-stream`): each `state`, then the `result` (the job), then `end`.

    A client that was cut off sends `Last-Event-ID` and is told what came after it; one that has been told all is
    answered 204, which ends an EventSource for good.
    """
    read = partial(gateway.ledger.answer, by=by)
    return await respond_with_events(
        request, gateway.answers, EventSource(parse_job_id(id), gateway.watcher, read, make_job_events, LAST_EVENT)
    )


@batch_routes.get("/{id}/events", response_class=Response, responses=RESPONSES, openapi_extra=PARAMETERS)
async def progress(id: str, request: Request, files: CurrentFiles, by: CurrentCaller) -> Response:
    """Stream a batch's progress (`text/event-stream`): the batch each time that a part of it is done, then `end`.

    `Last-Event-ID` is taken as for a job.
    """
    read = partial(files.bulk.batches.read, by=by)
    return await respond_with_events(
        request,
        files.answers,
        EventSource(parse_batch_id(id), files.watcher, read, make_progress_events, LAST_BATCH_EVENT),
    )


async def respond_with_events(request: Request, answers: Answers, source: EventSource[T]) -> Response:
    """Return the response that streams the events after the client's `Last-Event-ID`; 204 if there will be none.

    Raises what `source.read` raises. One stream too many raises QuotaExceeded or Crowded as it begins.
    """
    last, owner = request.headers.get("last-event-id", ""), caller_of(request).key
    last_sent = int(last) if last.isdecimal() and len(last) <= len(str(source.last)) else 0
    await run_sync(source.read, source.id)
    if last_sent >= source.last:
        return Response(status_code=204)

    async def open_stream() -> Response:
        return EventSourceResponse(
            stream_events(source, last_sent, answers, owner), headers={"Cache-Control": "no-store"}
        )

    return CapacityResponse(answers.reserve_stream(owner), open_stream)


GONE = UnknownJob, ExpiredJob, UnknownBatch, ExpiredBatch, LedgerLost


async def stream_events(source: EventSource[T], last_sent: int, answers: Answers, owner: str) -> AsyncIterator[bytes]:
    """Yield the events after number `last_sent` as they happen, and a comment after each 15 s without an event."""
    with source.watcher.subscribe(source.id, with_start=True) as subscription, suppress(*GONE):
        latest: T | None = await run_sync(source.read, source.id)
        while latest:
            for event in source.events(latest):
                if event.number > last_sent:
                    async for piece in encode_event(event, answers, owner):
                        yield piece
                    last_sent = event.number
            if last_sent >= source.last:
                return
            while (latest := await wait_for_update(subscription)) is None and not subscription.ended:
                yield KEEPALIVE_COMMENT


async def wait_for_update(subscription: Subscription[T]) -> T | None:
    """Return the next update, or None if there is none within 15 s or the subscription has ended."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PING_S):
            return await subscription.wait_for_update()
    return None


async def encode_event(event: Event, answers: Answers, owner: str) -> AsyncIterator[bytes]:
    """Yield an event as bytes: a small one at once; a large one in pieces, after comments until there is capacity.

    Raises what `Ledger.rows` raises.
    """
    if event.answer is None:
        yield event.encode()
        return
    before, line, after = event.encode().partition(b"data: ")
    while True:
        try:
            async with answers.reserve(owner, event.answer.rows_bytes, PING_S):
                rows = await answers.read_rows(event.answer)
                yield before + line
                async for piece in answers.stream_pieces(event.answer, rows, owner):
                    yield piece
                yield after
                return
        except (Crowded, QuotaExceeded):  # raised before anything was sent
            yield KEEPALIVE_COMMENT
