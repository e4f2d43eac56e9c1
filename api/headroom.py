"""Refuses new work before Redis is full, so that accepted work can always be claimed and committed.

The default limit is 85 % of `maxmemory`, which leaves 150 MB of the 1 GB in docker-compose.yml. The messages of a full
queue take 3 MB. A full backlog of 500,000 patients grows by 15 MB while it is scored (30 bytes each), or by 150 MB if
270,000 of them are explained (560 bytes each). If that is not enough, Redis uses more than its `maxmemory`, and refuses
none of it.
"""

import asyncio
from collections.abc import Callable

from core.errors import LedgerUnavailable, MemoryFull
from core.ledger.redis.scripts import MEMORY_RETRY_AFTER_S
from core.ledger.stats import ServerStats

CHECK_EVERY_S = 0.25
"""Between two checks a gateway records at most some 10 MB, since it needs some 0.1 s to read a list of 4 MB. A check
costs Redis 25 microseconds."""


class Headroom:
    """Checks in the background whether Redis has memory left, so that no submit waits for the check.

    `read_server` reads the memory use of Redis; without it there is no limit. `share` is the part of the memory that
    may be used.
    """

    def __init__(self, read_server: Callable[[], ServerStats] | None, share: float) -> None:
        self._read_server = read_server
        self._share = share
        self._is_memory_short = False

    async def watch_memory(self) -> None:
        """Check a few times a second until canceled."""
        while self._read_server:
            self._is_memory_short = await asyncio.to_thread(is_memory_short, self._read_server, self._share)
            await asyncio.sleep(CHECK_EVERY_S)

    def check(self) -> None:
        """Raise MemoryFull if more than the share was used at the last check."""
        if self._is_memory_short:
            raise MemoryFull(retry_after_s=MEMORY_RETRY_AFTER_S)


def is_memory_short(read_server: Callable[[], ServerStats], share: float) -> bool:
    """Whether Redis uses more than the share of its memory. False if Redis does not answer: each submit finds out."""
    try:
        server = read_server()
    except LedgerUnavailable:
        return False
    return 0 < server.memory_limit_bytes * share < server.memory_bytes
