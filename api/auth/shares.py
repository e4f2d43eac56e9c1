"""Room: bounds what one process holds at once, for all who ask and for each of them."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.errors import Crowded, QuotaExceeded, ScorelineError

RETRY_AFTER_S = 1


class Capacity:
    """Books amounts, bytes or a count, up to a limit; no owner has more of it than a share, but for who has no name.

    `what` names in the plural what is held, for whoever is refused. Not safe to share by threads.
    """

    def __init__(self, what: str, limit: int, share: float) -> None:
        self._what = what
        self._limit = limit
        self._limit_each = max(1, int(limit * share))
        self._total = 0
        self._held: Counter[str] = Counter()
        self._lines: OrderedDict[str, deque[tuple[int, asyncio.Future[None]]]] = OrderedDict()

    def take(self, owner: str, amount: int = 1) -> None:
        """Book it at once. Raises QuotaExceeded if the owner has no room for it, Crowded if there is none at all."""
        amount = self._bounded(owner, amount)
        if not self._fits(owner, amount):
            raise self._refusal(owner, amount)
        self._book(owner, amount)

    async def wait(self, owner: str, amount: int, within_s: float) -> None:
        """Book it once there is room, an owner after the other. Raises as `take` does, after so many seconds.

        Who asks for more than there ever is, is given all of it.
        """
        amount, turn = self._bounded(owner, amount), asyncio.get_running_loop().create_future()
        self._lines.setdefault(owner, deque()).append((amount, turn))
        self._let_in()
        try:
            async with asyncio.timeout(within_s):
                await turn
        except BaseException as error:
            if turn.cancelled():
                self._let_in()  # whoever stood behind
            else:
                self.give_back(owner, amount)
            raise self._refusal(owner, amount) if isinstance(error, TimeoutError) else error from None

    def give_back(self, owner: str, amount: int = 1) -> None:
        """Let others have what was booked."""
        amount = self._bounded(owner, amount)
        self._total -= amount
        self._held[owner] -= amount
        if not self._held[owner]:
            del self._held[owner]
        self._let_in()

    @asynccontextmanager
    async def held(self, owner: str, amount: int, within_s: float) -> AsyncIterator[None]:
        """Book it, as `wait` does, until the block is left."""
        await self.wait(owner, amount, within_s)
        try:
            yield
        finally:
            self.give_back(owner, amount)

    def _bounded(self, owner: str, amount: int) -> int:
        return min(amount, self._limit_each if owner else self._limit)

    def _fits(self, owner: str, amount: int) -> bool:
        return self._total + amount <= self._limit and self._fits_owner(owner, amount)

    def _fits_owner(self, owner: str, amount: int) -> bool:
        return not owner or self._held[owner] + amount <= self._limit_each

    def _book(self, owner: str, amount: int) -> None:
        self._total += amount
        self._held[owner] += amount

    def _let_in(self) -> None:
        """Give room to those who wait, an owner after the other.

        Who has had their share is passed over; for who is the next of the others, all of them wait.
        """
        passed = 0
        while passed < len(self._lines):
            owner, line = next(iter(self._lines.items()))
            amount, turn = line[0]
            self._lines.move_to_end(owner)
            if not turn.done() and not self._fits_owner(owner, amount):
                passed += 1
                continue
            if not turn.done() and not self._fits(owner, amount):
                self._lines.move_to_end(owner, last=False)
                return
            line.popleft()
            if not line:
                del self._lines[owner]
            if not turn.done():
                self._book(owner, amount)
                turn.set_result(None)
                passed = 0

    def _refusal(self, owner: str, amount: int) -> ScorelineError:
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
