"""Notices: tells whoever waits for a job that it has ended, over one subscription for the whole process."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

Watch = Callable[[Event], Iterator[list[str] | None]]
"""Yields ids of jobs as they end, and None whenever some may have been missed; `Ledger.watch`."""


class Notices:
    """Who waits for which job. One that leaves costs nothing; what was missed is asked for again by whoever waits."""

    def __init__(self, watch: Watch) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._stop = Event()
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._listen, args=(watch,), name="notices", daemon=True)
        self._thread.start()

    @contextmanager
    def of(self, id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set when the job ends, or may have ended; look at the job, and clear it to wait on."""
        event = asyncio.Event()
        self._waiting.setdefault(id, set()).add(event)
        try:
            yield event
        finally:
            events = self._waiting[id]
            events.discard(event)
            if not events:
                del self._waiting[id]

    def count(self) -> int:
        """Return how many wait."""
        return sum(len(events) for events in self._waiting.values())

    async def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join)

    def _listen(self, watch: Watch) -> None:
        for ids in watch(self._stop):
            self._loop.call_soon_threadsafe(self._tell, ids)

    def _tell(self, ids: list[str] | None) -> None:
        for id in list(self._waiting) if ids is None else ids:
            for event in self._waiting.get(id, ()):
                event.set()
