"""Capacity: limits what one process uses at once, for all owners together and for each owner."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.errors import Crowded, QuotaExceeded, ScorelineError

RETRY_AFTER_S = 1


class Capacity:
    """Reserves amounts (bytes, or a count) up to a limit; a named owner can reserve a share of the limit at most.

    `what` names what is reserved, in the plural, in error messages. Not safe for use in several threads.
    """

    def __init__(self, what: str, limit: int, share: float) -> None:
        self._what = what
        self._limit = limit
        self._limit_each = max(1, int(limit * share))
        self._total = 0
        self._reserved: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[tuple[int, asyncio.Future[None]]]] = OrderedDict()

    def reserve_now(self, owner: str, amount: int = 1) -> None:
        """Reserve the amount at once. Raises QuotaExceeded if the owner's share is used up, Crowded if all is."""
        amount = self._cap(owner, amount)
        if not self._fits(owner, amount):
            raise self._make_refusal(owner, amount)
        self._add(owner, amount)

    async def reserve(self, owner: str, amount: int, within_s: float) -> None:
        """Reserve the amount once it is free; the owners that wait take turns.

        Raises what `reserve_now` raises after `within_s` seconds. A request for more than the limit gets all of it.
        """
        amount, turn = self._cap(owner, amount), asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append((amount, turn))
        self._admit_waiting()
        try:
            async with asyncio.timeout(within_s):
                await turn
        except BaseException as error:
            if turn.cancelled():
                self._admit_waiting()  # the one behind may fit now
            else:
                self.release(owner, amount)
            raise self._make_refusal(owner, amount) if isinstance(error, TimeoutError) else error from None

    def release(self, owner: str, amount: int = 1) -> None:
        """Release a reserved amount."""
        amount = self._cap(owner, amount)
        self._total -= amount
        self._reserved[owner] -= amount
        if not self._reserved[owner]:
            del self._reserved[owner]
        self._admit_waiting()

    @asynccontextmanager
    async def reserved(self, owner: str, amount: int, within_s: float) -> AsyncIterator[None]:
        """Reserve the amount, as `reserve` does, until the block ends."""
        await self.reserve(owner, amount, within_s)
        try:
            yield
        finally:
            self.release(owner, amount)

    def _cap(self, owner: str, amount: int) -> int:
        return min(amount, self._limit_each if owner else self._limit)

    def _fits(self, owner: str, amount: int) -> bool:
        return self._total + amount <= self._limit and self._fits_owner(owner, amount)

    def _fits_owner(self, owner: str, amount: int) -> bool:
        return not owner or self._reserved[owner] + amount <= self._limit_each

    def _add(self, owner: str, amount: int) -> None:
        self._total += amount
        self._reserved[owner] += amount

    def _admit_waiting(self) -> None:
        """Give free capacity to those who wait, one owner after the other.

        An owner whose share is used up is skipped. If the amount of the next one does not fit, all others wait for it.
        """
        skipped = 0
        while skipped < len(self._waiting):
            owner, queue = next(iter(self._waiting.items()))
            amount, turn = queue[0]
            self._waiting.move_to_end(owner)
            if not turn.done() and not self._fits_owner(owner, amount):
                skipped += 1
                continue
            if not turn.done() and not self._fits(owner, amount):
                self._waiting.move_to_end(owner, last=False)
                return
            queue.popleft()
            if not queue:
                del self._waiting[owner]
            if not turn.done():
                self._add(owner, amount)
                turn.set_result(None)
                skipped = 0

    def _make_refusal(self, owner: str, amount: int) -> ScorelineError:
        if self._fits_owner(owner, amount):
            return Crowded(
                f"This gateway process holds as many {self._what} as it may, of all callers together: send it again "
                "after the seconds in `Retry-After`.",
                retry_after_s=RETRY_AFTER_S,
            )
        return QuotaExceeded(
            f"This key holds as many {self._what} as one key may: read or close some of them, then send it again.",
            retry_after_s=RETRY_AFTER_S,
        )
