"""How often a key may ask: counted in Redis for all gateways together, and taken from there some at a time.

To ask Redis for each request would cost as much as the request. So a process takes a tenth of what a key may ask in a
second, and gives that out for a second at most; of a limit below 20 it takes one by one. Never more is taken in a
second than the key allows, but what one process has taken another cannot give out: near the limit some are refused
early, and some come up to a second after they were counted.
"""

import asyncio
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

from limits import RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from limits.typing import RedisClient
from redis import Redis
from typing_extensions import override

from core.errors import QuotaExceeded
from core.ledger.redis.keys import RATES
from core.ledger.redis.running import raising_ledger_errors

SHARES = 10
HELD_S = 1.0
SHUT_S = 0.1
"""For so long Redis is not asked again where it had nothing to give."""

RETRY_AFTER_S = 1


@dataclass
class TakenShare:
    """What a process has taken for one key: requests `left` until some time, or none, as it was told not long ago."""

    left: int = 0
    until_s: float = 0
    remaining: int = 0
    """What Redis had left when it was last asked."""
    refilling: asyncio.Lock = field(default_factory=asyncio.Lock)


class Counts(RedisStorage):
    """Where the library counts: in Redis over a connection of ours, which counts where memory is full as well."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        super().__init__("redis://", connection_pool=redis.connection_pool, key_prefix=RATES)

    @override
    def get_connection(self, readonly: bool = False) -> RedisClient:
        """Return the client that all is asked by."""
        return cast(RedisClient, self._redis)


class Rates:
    """Counts the requests of keys that may ask only so many in a second."""

    def __init__(self, redis: Redis) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(Counts(redis))
        self._shares: dict[str, TakenShare] = {}
        self._thread = ThreadPoolExecutor(1, "rates")

    async def take(self, key: str, most_per_s: int) -> int:
        """Count one request, and return about how many more there may be in this second.

        Raises QuotaExceeded, and LedgerUnavailable if it cannot be known.
        """
        share = self._shares.setdefault(key, TakenShare())
        if self._is_due(share):
            async with share.refilling:
                if self._is_due(share):
                    await asyncio.get_running_loop().run_in_executor(self._thread, self._refill, share, key, most_per_s)
        if share.left == 0:
            raise QuotaExceeded(
                f"This key may ask {most_per_s} times a second: send it again after the seconds in `Retry-After`.",
                retry_after_s=RETRY_AFTER_S,
            )
        share.left -= 1
        return share.remaining + share.left

    def close(self) -> None:
        """Wait for what is being asked."""
        self._thread.shutdown()

    def _is_due(self, share: TakenShare) -> bool:
        shut = share.left == 0 and share.remaining == 0
        return time.monotonic() >= share.until_s or (share.left == 0 and not shut)

    def _refill(self, share: TakenShare, key: str, most_per_s: int) -> None:
        begun_s, limit, cost = time.monotonic(), RateLimitItemPerSecond(most_per_s), max(1, most_per_s // SHARES)
        with raising_ledger_errors():
            share.left = cost if self._limiter.hit(limit, key, cost=cost) else 0
            share.remaining = math.floor(self._limiter.get_window_stats(limit, key).remaining) if share.left else 0
        share.until_s = begun_s + (HELD_S if share.left else SHUT_S)
