"""Pace: shares the event loop among owners where it works for long, on large bodies and large answers.

Both are worked on piece by piece, of less than some 2 ms each. An owner has one piece made at a time, however many
connections ask for more; and where another owner asks for anything too, the loop rests after each piece for as long as
it took, so that one owner's large work takes half of a processor at most. Where nobody else asks, nothing rests.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from math import inf
from typing import TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")

AMONG_OTHERS_S = 1.0
"""For how long after a request its owner is taken to be there, and to ask again."""


class Pace:
    """Makes pieces of work for the owners of one process. To be used in its event loop alone.

    `clock` tells seconds, from any time on; tests move one by hand.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._latest, self._latest_s, self._before_s = "", -inf, -inf

    def note(self, owner: str) -> None:
        """Note that an owner asks for something."""
        now_s = self._clock()
        if owner != self._latest:
            self._latest, self._before_s = owner, self._latest_s
        self._latest_s = now_s

    def rest_s(self, owner: str, took_s: float) -> float:
        """Return the seconds to rest after a piece of the owner's that took so many: none if no other asked lately."""
        other_s = self._before_s if owner == self._latest else self._latest_s
        return took_s if self._clock() - other_s < AMONG_OTHERS_S else 0

    async def made(self, owner: str, pieces: Iterator[T]) -> AsyncIterator[T]:
        """Yield the pieces, each as it is made, at the pace of the owner. Raises what making them does."""
        turn = self._turns.setdefault(owner, asyncio.Lock())
        while True:
            async with turn:
                begun_s = self._clock()
                piece = next(pieces, None)
                await asyncio.sleep(self.rest_s(owner, self._clock() - begun_s))
            if piece is None:
                return
            yield piece
