"""Pace: shares the event loop fairly among owners while it works on large bodies and large answers.

Such work is done in pieces of less than some 2 ms each. One owner has one piece done at a time, whatever the number of
their connections. If another owner has sent a request lately, the work pauses after each piece for as long as the piece
took, so that one owner's large work uses half of a processor at most. If there is no other owner, it does not pause.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from math import inf
from typing import TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")

RECENT_S = 1.0
"""How long after a request its owner counts as active."""


class Pace:
    """Runs the pieces of work of all owners in one process. Use it in the event loop only.

    `clock` returns seconds from any origin; tests set their own.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._latest, self._latest_s, self._before_s = "", -inf, -inf

    def note_request(self, owner: str) -> None:
        """Note that an owner has sent a request."""
        now_s = self._clock()
        if owner != self._latest:
            self._latest, self._before_s = owner, self._latest_s
        self._latest_s = now_s

    def rest_s(self, owner: str, took_s: float) -> float:
        """Return the seconds to pause after the owner's piece: `took_s`, or 0 if no other owner is active."""
        other_s = self._before_s if owner == self._latest else self._latest_s
        return took_s if self._clock() - other_s < RECENT_S else 0

    async def run_paced(self, owner: str, pieces: Iterator[T]) -> AsyncIterator[T]:
        """Yield the pieces, each as it is made, at the pace of the owner. Raises what `pieces` raises."""
        lock = self._locks.setdefault(owner, asyncio.Lock())
        while True:
            async with lock:
                started_s = self._clock()
                piece = next(pieces, None)
                await asyncio.sleep(self.rest_s(owner, self._clock() - started_s))
            if piece is None:
                return
            yield piece
