"""Notifies the requests that wait for jobs or batches, over one subscription to Redis for the whole process."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Generic, TypeVar

from fastapi import Request

from core.errors import LedgerUnavailable
from core.ledger.answer import Answer
from core.ledger.protocol import JobEvent
from monitoring.vital import VitalThreads

T = TypeVar("T")

ASK_AGAIN_S = 0.25

log = logging.getLogger(__name__)

Listen = Callable[[Event], Iterator[JobEvent[T] | None]]
"""Yields the events of jobs or batches until the `Event` is set, as `Ledger.watch` does.

None means that events may have been missed."""

ReadAll = Callable[[Sequence[str]], dict[str, T]]
"""Returns the jobs or batches that exist, by id, as `Ledger.answers` does."""

WATCH_AFTER_S = 1.0  # most waits are over by then, and cost nothing more


class Subscription(Generic[T]):
    """One waiting request: it receives the job or batch whenever that changes, until the subscription has `ended`."""

    def __init__(self, *, with_start: bool) -> None:
        self.with_start = with_start
        self.ended = False
        self._job: T | None = None
        self._event = asyncio.Event()

    def update(self, job: T) -> None:
        """Deliver the job's latest state."""
        self._job = job
        self._event.set()

    def end(self) -> None:
        """End the subscription: there will be no more updates."""
        self.ended = True
        self._event.set()

    async def wait_for_update(self) -> T | None:
        """Return the job once it has an update, or None if the subscription has ended without one."""
        await self._event.wait()
        job, self._job = self._job, None
        if not self.ended:
            self._event.clear()
        return job


class JobWatcher(Generic[T]):
    """Delivers updates to the subscriptions of one process.

    All jobs that an event names are read in one call; all that anyone waits for, if events may have been missed. An
    answer that comes with the event is delivered without reading.
    """

    def __init__(self, listen: Listen[T], read_all: ReadAll[T], threads: VitalThreads, name: str = "watcher") -> None:
        self._listen = listen
        self._read_all = read_all
        self._waiting: dict[str, set[Subscription[T]]] = {}
        self._answered: frozenset[str] = frozenset()
        self._stop = Event()
        self._loop = asyncio.get_running_loop()
        self._thread = threads.start(name, self._read_events)

    @contextmanager
    def subscribe(self, id: str, *, with_start: bool = False) -> Iterator[Subscription[T]]:
        """Subscribe to the job's end, and `with_start` also to its start, until the block ends."""
        # To name the type in the call would double its cost.
        subscription: Subscription[T] = Subscription(with_start=with_start)
        self._waiting.setdefault(id, set()).add(subscription)
        if self._stop.is_set():
            subscription.end()
        try:
            yield subscription
        finally:
            self._waiting[id].discard(subscription)
            if not self._waiting[id]:
                del self._waiting[id]

    def __len__(self) -> int:
        """Return the number of subscriptions."""
        return sum(len(watcher) for watcher in self._waiting.values())

    def end_all(self) -> None:
        """End all subscriptions at once, and later ones as they begin; to be called when the gateway stops."""
        self._stop.set()
        self._end(list(self._waiting))

    def end_all_soon(self) -> None:
        """Do the same soon; safe to call outside the event loop, such as in a signal handler."""
        self._loop.call_soon_threadsafe(self.end_all)

    async def close(self) -> None:
        """Stop listening."""
        self.end_all()
        await asyncio.to_thread(self._thread.join)

    def _read_events(self) -> None:
        for event in self._listen(self._stop):
            try:
                self._handle(event)
            except Exception as error:  # the watcher must go on; the error's text could contain a record's values
                log.error("some waiting requests were not notified: %s", type(error).__name__)

    def _handle(self, event: JobEvent[T] | None) -> None:
        ids = self._select_waiting(event)
        answers = event.answers if event else {}
        known = {id: answers[id] for id in ids if id in answers}
        missing = [id for id in ids if id not in known]
        read = self._read(missing) if missing else {}
        if ids:
            self._loop.call_soon_threadsafe(self._update, known | read)
        if gone := [id for id in missing if id not in read]:
            self._loop.call_soon_threadsafe(self._end, gone)

    def _select_waiting(self, event: JobEvent[T] | None) -> list[str]:
        if event is None:
            return list(self._waiting)
        waiting = [id for id in event.ids if id in self._waiting]
        if not event.ended:
            return [
                id
                for id in waiting
                if any(subscription.with_start for subscription in tuple(self._waiting.get(id, ())))
            ]
        answered, self._answered = self._answered, frozenset(event.answers)
        return [id for id in waiting if id not in answered]  # the last event brought the other answers

    def _read(self, ids: Sequence[str]) -> dict[str, T]:
        """Return the jobs or batches that exist, by id, without those whose records cannot be read."""
        while not self._stop.is_set():
            try:
                return self._read_all(ids)
            except LedgerUnavailable:
                self._stop.wait(ASK_AGAIN_S)
            except Exception as error:  # of an unreadable record; its text could contain values
                if len(ids) == 1:
                    log.error("the record of %s cannot be read: %s", ids[0], type(error).__name__)
                    return {}
                half = len(ids) // 2
                return self._read(ids[:half]) | self._read(ids[half:])
        return {}

    def _update(self, jobs: dict[str, T]) -> None:
        for id, job in jobs.items():
            for subscription in self._waiting.get(id, ()):
                subscription.update(job)

    def _end(self, ids: list[str]) -> None:
        for id in ids:
            for subscription in self._waiting.get(id, ()):
                subscription.end()


@contextmanager
def ended_on_disconnect(subscription: Subscription[Answer], request: Request) -> Iterator[None]:
    """End the subscription if the client disconnects during the block. The request's body must have been read."""
    task: asyncio.Task[None] | None = None

    async def wait_for_disconnect() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        subscription.end()

    def start_task() -> None:
        nonlocal task
        task = asyncio.create_task(wait_for_disconnect())

    due = asyncio.get_running_loop().call_later(WATCH_AFTER_S, start_task)
    try:
        yield
    finally:
        due.cancel()
        if task:
            task.cancel()
