"""Pace: shares the event loop among owners where it works for long, on large bodies and large answers.

Both are worked on piece by piece, of less than some 2 ms each. An owner has one piece made at a time, however many
connections ask for more; and where another owner asks for anything too, the loop rests after each piece for as long as
it took, so that one owner's large work takes half of a processor at most. Where nobody else asks, nothing rests.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")

AMONG_OTHERS_S = 1.0
"""For how long after a request its owner is taken to be there, and to ask again."""


class Pace:
    """Makes pieces of work for the owners of one process. To be used in its event loop alone."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._latest, self._latest_s, self._before_s = "", 0.0, 0.0

    def note(self, owner: str) -> None:
        """Note that an owner asks for something."""
        now_s = time.monotonic()
        if owner != self._latest:
            self._latest, self._before_s = owner, self._latest_s
        self._latest_s = now_s

    def is_shared(self, owner: str) -> bool:
        """Whether any other owner has asked for something of late."""
        other_s = self._before_s if owner == self._latest else self._latest_s
        return time.monotonic() - other_s < AMONG_OTHERS_S

    async def made(self, owner: str, pieces: Iterator[T]) -> AsyncIterator[T]:
        """Yield the pieces, each as it is made, at the pace of the owner. Raises what making them does."""
        turn = self._turns.setdefault(owner, asyncio.Lock())
        while True:
            async with turn:
                begun_s = time.perf_counter()
                piece = next(pieces, None)
                took_s = time.perf_counter() - begun_s
                await asyncio.sleep(took_s if self.is_shared(owner) else 0)
            if piece is None:
                return
            yield piece
