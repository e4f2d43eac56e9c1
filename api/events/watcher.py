"""Tells whoever waits what became of it, over one subscription for the whole process, until they leave."""

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
"""Yields what becomes of jobs or batches until the event is set, as `Ledger.watch` does."""

ReadAll = Callable[[Sequence[str]], dict[str, T]]
"""Returns what is told of those that are there, by id, as `Ledger.answers` does."""


class Subscription(Generic[T]):
    """What one waiter is told: how the job or batch is whenever that may matter, until there is no more to say."""

    def __init__(self, *, begins: bool) -> None:
        self.begins = begins
        self.over = False
        self._job: T | None = None
        self._event = asyncio.Event()

    def tell(self, job: T) -> None:
        """Hand the waiter the job as it is now."""
        self._job = job
        self._event.set()

    def dismiss(self) -> None:
        """Send the waiter on their way: there will be no more to tell."""
        self.over = True
        self._event.set()

    async def next(self) -> T | None:
        """Return the job once there is news of it, or None if there will be none."""
        await self._event.wait()
        job, self._job = self._job, None
        if not self.over:
            self._event.clear()
        return job


class JobWatcher(Generic[T]):
    """Who waits for which job or batch. What was heard of is read for all in one call; what was missed as well.

    An answer that comes along with what is heard is told as it is, and nothing is read.
    """

    def __init__(self, listen: Listen[T], read_all: ReadAll[T], vital: VitalThreads, name: str = "notices") -> None:
        self._listen = listen
        self._read_all = read_all
        self._waiting: dict[str, set[Subscription[T]]] = {}
        self._answered: frozenset[str] = frozenset()
        self._stop = Event()
        self._loop = asyncio.get_running_loop()
        self._thread = vital.start(name, self._read_events)

    @contextmanager
    def of(self, id: str, *, begins: bool = False) -> Iterator[Subscription[T]]:
        """Give the notice of the job's end, and with `begins` of its start, until the block is left."""
        subscription: Subscription[T] = Subscription(begins=begins)  # to name the type here would double its cost
        self._waiting.setdefault(id, set()).add(subscription)
        if self._stop.is_set():
            subscription.dismiss()
        try:
            yield subscription
        finally:
            self._waiting[id].discard(subscription)
            if not self._waiting[id]:
                del self._waiting[id]

    def __len__(self) -> int:
        """Return how many wait."""
        return sum(len(watcher) for watcher in self._waiting.values())

    def dismiss(self) -> None:
        """Send everyone who waits on their way, at once; to be called when the gateway is to stop."""
        self._stop.set()
        self._dismiss(list(self._waiting))

    def dismiss_soon(self) -> None:
        """Dismiss from where no event loop runs, such as a signal handler."""
        self._loop.call_soon_threadsafe(self.dismiss)

    async def close(self) -> None:
        """Stop listening."""
        self.dismiss()
        await asyncio.to_thread(self._thread.join)

    def _read_events(self) -> None:
        for event in self._listen(self._stop):
            try:
                self._handle(event)
            except Exception as error:  # whatever it is, all others still wait; its text could hold a record's values
                log.error("who waits is not told of some jobs: %s", type(error).__name__)

    def _handle(self, event: JobEvent[T] | None) -> None:
        ids = self._waited_for(event)
        answers = event.answers if event else {}
        told = {id: answers[id] for id in ids if id in answers}
        missing = [id for id in ids if id not in told]
        read = self._read(missing) if missing else {}
        if ids:
            self._loop.call_soon_threadsafe(self._tell, told | read)
        if gone := [id for id in missing if id not in read]:
            self._loop.call_soon_threadsafe(self._dismiss, gone)

    def _waited_for(self, event: JobEvent[T] | None) -> list[str]:
        if event is None:
            return list(self._waiting)
        waiting = [id for id in event.ids if id in self._waiting]
        if not event.ended:
            return [
                id for id in waiting if any(subscription.begins for subscription in tuple(self._waiting.get(id, ())))
            ]
        answered, self._answered = self._answered, frozenset(event.answers)
        return [id for id in waiting if id not in answered]  # these are heard of for the second time

    def _read(self, ids: Sequence[str]) -> dict[str, T]:
        """Return those that are there; one that cannot be read is left out, and harms no other."""
        while not self._stop.is_set():
            try:
                return self._read_all(ids)
            except LedgerUnavailable:
                self._stop.wait(ASK_AGAIN_S)
            except Exception as error:  # a record may be anything; its text could hold values
                if len(ids) == 1:
                    log.error("the record of %s cannot be read: %s", ids[0], type(error).__name__)
                    return {}
                half = len(ids) // 2
                return self._read(ids[:half]) | self._read(ids[half:])
        return {}

    def _tell(self, jobs: dict[str, T]) -> None:
        for id, job in jobs.items():
            for subscription in self._waiting.get(id, ()):
                subscription.tell(job)

    def _dismiss(self, ids: list[str]) -> None:
        for id in ids:
            for subscription in self._waiting.get(id, ()):
                subscription.dismiss()


LOOK_AFTER_S = 1.0  # most waits are over by then, and cost nothing more


@contextmanager
def dismissed_when_gone(subscription: Subscription[Answer], request: Request) -> Iterator[None]:
    """Dismiss the notice if the client goes while the block runs. The request's body must have been read."""
    watch: asyncio.Task[None] | None = None

    async def look() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        subscription.dismiss()

    def begin() -> None:
        nonlocal watch
        watch = asyncio.create_task(look())

    due = asyncio.get_running_loop().call_later(LOOK_AFTER_S, begin)
    try:
        yield
    finally:
        due.cancel()
        if watch:
            watch.cancel()
