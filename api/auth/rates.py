"""Rate limits of keys: counted in Redis for all gateways together, in shares of several requests.

To call Redis for each request would cost as much as the request. So a process takes a share of a tenth of a key's
requests a second, and uses it within a second; with a limit below 20 a share is one request. In no second are more
requests taken than the key allows. But one process cannot use the share of another: near the limit some requests are
refused early, and some are served up to a second after they were counted.
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
from core.ledger.redis.scripts import raising_ledger_errors

SHARES = 10
SHARE_LASTS_S = 1.0
EMPTY_LASTS_S = 0.1
"""How long Redis is not called again after it had no requests left for a key."""

RETRY_AFTER_S = 1


@dataclass
class RequestShare:
    """A process's share for one key: the requests `left` until `until_s`; 0 if Redis had none left lately."""

    left: int = 0
    until_s: float = 0
    remaining: int = 0
    """The requests that Redis had left at the last call."""
    refilling: asyncio.Lock = field(default_factory=asyncio.Lock)


class Counts(RedisStorage):
    """The library's storage over our own Redis client, which can count even if Redis is out of memory."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        super().__init__("redis://", connection_pool=redis.connection_pool, key_prefix=RATES)

    @override
    def get_connection(self, readonly: bool = False) -> RedisClient:
        """Return our client."""
        return cast(RedisClient, self._redis)


class Rates:
    """Counts the requests of keys that have a limit of requests a second."""

    def __init__(self, redis: Redis) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(Counts(redis))
        self._shares: dict[str, RequestShare] = {}
        self._thread = ThreadPoolExecutor(1, "rates")

    async def count_request(self, key: str, limit_per_s: int) -> int:
        """Count one request, and return about how many more are allowed in this second.

        Raises QuotaExceeded, and LedgerUnavailable if Redis does not answer.
        """
        share = self._shares.setdefault(key, RequestShare())
        if self._is_due(share):
            async with share.refilling:
                if self._is_due(share):
                    await asyncio.get_running_loop().run_in_executor(
                        self._thread, self._refill, share, key, limit_per_s
                    )
        if share.left == 0:
            raise QuotaExceeded(
                f"This key may ask {limit_per_s} times a second: send it again after the seconds in `Retry-After`.",
                retry_after_s=RETRY_AFTER_S,
            )
        share.left -= 1
        return share.remaining + share.left

    def close(self) -> None:
        """Wait for the running call to Redis."""
        self._thread.shutdown()

    def _is_due(self, share: RequestShare) -> bool:
        is_empty = share.left == 0 and share.remaining == 0
        return time.monotonic() >= share.until_s or (share.left == 0 and not is_empty)

    def _refill(self, share: RequestShare, key: str, limit_per_s: int) -> None:
        started_s, limit, cost = time.monotonic(), RateLimitItemPerSecond(limit_per_s), max(1, limit_per_s // SHARES)
        with raising_ledger_errors():
            share.left = cost if self._limiter.hit(limit, key, cost=cost) else 0
            share.remaining = math.floor(self._limiter.get_window_stats(limit, key).remaining) if share.left else 0
        share.until_s = started_s + (SHARE_LASTS_S if share.left else EMPTY_LASTS_S)
