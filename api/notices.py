"""Notices: tells whoever waits what became of it, over one subscription for the whole process."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Generic, Protocol, TypeVar

from contract.errors import LedgerUnavailable
from contract.ledger.protocol import Heard

T = TypeVar("T")

ASK_AGAIN_S = 0.25


class Watched(Protocol[T]):
    """What can be waited for: the jobs of a ledger, or its batches."""

    def watch(self, stop: Event) -> Iterator[Heard | None]:
        """Yield what becomes of them, as `Ledger.watch` does."""

    def read_all(self, ids: Sequence[str]) -> dict[str, T]:
        """Return those that are there, as `Ledger.read_all` does."""


class Notice(Generic[T]):
    """What one waiter is told: the job or batch as it is whenever that may matter, until there is no more to say."""

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


class Notices(Generic[T]):
    """Who waits for which job or batch. What was heard of is read for all in one call; what was missed as well."""

    def __init__(self, ledger: Watched[T]) -> None:
        self._ledger = ledger
        self._waiting: dict[str, set[Notice[T]]] = {}
        self._stop = Event()
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._listen, name="notices", daemon=True)
        self._thread.start()

    @contextmanager
    def of(self, id: str, *, begins: bool = False) -> Iterator[Notice[T]]:
        """Give the notice of the job's end, and with `begins` of its start, until the block is left."""
        notice: Notice[T] = Notice(begins=begins)  # to name the type in the call costs as much as all the rest
        self._waiting.setdefault(id, set()).add(notice)
        if self._stop.is_set():
            notice.dismiss()
        try:
            yield notice
        finally:
            self._waiting[id].discard(notice)
            if not self._waiting[id]:
                del self._waiting[id]

    def __len__(self) -> int:
        """Return how many wait."""
        return sum(len(notices) for notices in self._waiting.values())

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

    def _listen(self) -> None:
        for heard in self._ledger.watch(self._stop):
            if ids := self._waited_for(heard):
                jobs = self._read(ids)
                self._loop.call_soon_threadsafe(self._tell, jobs)
                self._loop.call_soon_threadsafe(self._dismiss, [id for id in ids if id not in jobs])

    def _waited_for(self, heard: Heard | None) -> list[str]:
        if heard is None:
            return list(self._waiting)
        waiting = [id for id in heard.ids if id in self._waiting]
        if heard.ended:
            return waiting
        return [id for id in waiting if any(notice.begins for notice in tuple(self._waiting.get(id, ())))]

    def _read(self, ids: list[str]) -> dict[str, T]:
        while not self._stop.is_set():
            try:
                return self._ledger.read_all(ids)
            except LedgerUnavailable:
                self._stop.wait(ASK_AGAIN_S)
        return {}

    def _tell(self, jobs: dict[str, T]) -> None:
        for id, job in jobs.items():
            for notice in self._waiting.get(id, ()):
                notice.tell(job)

    def _dismiss(self, ids: list[str]) -> None:
        for id in ids:
            for notice in self._waiting.get(id, ()):
                notice.dismiss()
