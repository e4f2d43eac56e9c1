"""Refuses new work before Redis is full, so that what was accepted always has room to be claimed and committed.

By default above 85 % of `maxmemory`, which leaves 150 MB of compose's 1 GB. The messages of a full queue take 3 MB.
While it is scored, a full backlog of 500,000 patients grows by 15 MB (30 bytes each), and by 150 MB where 270,000 of
them are to be explained (560 bytes each). Should that not be enough, Redis takes more than its `maxmemory` and refuses
none of it.
"""

import asyncio
from collections.abc import Callable

from core.errors import LedgerUnavailable, MemoryFull
from core.ledger.redis.running import MEMORY_RETRY_AFTER_S
from core.ledger.stats import ServerStats

LOOK_EVERY_S = 0.25
"""Between two looks a gateway writes down some 10 MB at most, as lists of 4 MB take it some 0.1 s each to read. A look
takes Redis 25 microseconds."""


class Headroom:
    """How one gateway process knows whether Redis has room; it looks by itself, so that no submit waits for it.

    `survey` says how Redis stands; without it there is always room. `share` is how much of its memory may be used.
    """

    def __init__(self, survey: Callable[[], ServerStats] | None, share: float) -> None:
        self._survey = survey
        self._share = share
        self._is_short = False

    async def keep(self) -> None:
        """Look a few times a second until canceled."""
        while self._survey:
            self._is_short = await asyncio.to_thread(is_short, self._survey, self._share)
            await asyncio.sleep(LOOK_EVERY_S)

    def check(self) -> None:
        """Raise MemoryFull where more than the share was used at the last look."""
        if self._is_short:
            raise MemoryFull(retry_after_s=MEMORY_RETRY_AFTER_S)


def is_short(survey: Callable[[], ServerStats], share: float) -> bool:
    """Whether Redis uses more than the share of its memory; not if it does not answer, which each submit finds out."""
    try:
        server = survey()
    except LedgerUnavailable:
        return False
    return 0 < server.memory_limit_bytes * share < server.memory_bytes
