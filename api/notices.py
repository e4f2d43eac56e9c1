"""Notices: tells whoever waits for a job that it has ended, over one subscription for the whole process."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

Watch = Callable[[Event], Iterator[list[str] | None]]
"""Yields ids of jobs as they end, and None whenever some may have been missed; `Ledger.watch`."""


class Notice:
    """What one waiter is told: that its job has ended, or may have."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._last = False

    def tell(self, *, last: bool = False) -> None:
        """Wake the waiter; after a last notice there is none."""
        self._last = self._last or last
        self._event.set()

    async def wait(self) -> bool:
        """Return True once there is reason to look at the job, or False if there will be none: the gateway stops."""
        if self._last:
            return False
        await self._event.wait()
        self._event.clear()
        return True


class Notices:
    """Who waits for which job. What may have been missed is asked for again by whoever waits."""

    def __init__(self, watch: Watch) -> None:
        self._waiting: dict[str, set[Notice]] = {}
        self._stop = Event()
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._listen, args=(watch,), name="notices", daemon=True)
        self._thread.start()

    @contextmanager
    def of(self, id: str) -> Iterator[Notice]:
        """Give the notice of the job's end, to be waited for until the block is left."""
        notice = Notice()
        self._waiting.setdefault(id, set()).add(notice)
        if self._stop.is_set():
            notice.tell(last=True)
        try:
            yield notice
        finally:
            self._waiting[id].discard(notice)
            if not self._waiting[id]:
                del self._waiting[id]

    def dismiss(self) -> None:
        """Send everyone who waits on their way, at once; to be called when the gateway is to stop."""
        self._stop.set()
        for notice in [one for ones in self._waiting.values() for one in ones]:
            notice.tell(last=True)

    def dismiss_soon(self) -> None:
        """Dismiss from where no event loop runs, such as a signal handler."""
        self._loop.call_soon_threadsafe(self.dismiss)

    async def close(self) -> None:
        """Stop listening."""
        self.dismiss()
        await asyncio.to_thread(self._thread.join)

    def _listen(self, watch: Watch) -> None:
        for ids in watch(self._stop):
            self._loop.call_soon_threadsafe(self._tell, ids)

    def _tell(self, ids: list[str] | None) -> None:
        for id in list(self._waiting) if ids is None else ids:
            for notice in self._waiting.get(id, ()):
                notice.tell()
