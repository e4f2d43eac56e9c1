"""The watch: looks at every connection about once a second, so that none is held open for nothing.

A timer for each request would cost each request; to look costs a microsecond a connection.
"""

import asyncio
import resource
from typing import Protocol

from api.room import Room
from contract.errors import ScorelineError
from contract.settings import Settings
from monitoring.instrument import GatewayMetrics

CONNECTION = "scoreline.connection"
"""Under this name the scope of a request has its connection."""

LOOK_EVERY_S = 1.0
KEPT_FILES = 256  # for Redis, the store, and the refusal of one connection too many


class Watched(Protocol):
    """A connection, as far as the watch is concerned."""

    def look(self, now_s: float) -> None:
        """See whether whoever is at the other end is too slow, and if so, end it."""

    def belong_to(self, owner: str) -> None:
        """Count it as the owner's from now on. Raises QuotaExceeded if they have as many as one may."""


class Watch:
    """What the `connections` of one gateway process, which come and go by themselves, are held to."""

    def __init__(self, settings: Settings, metrics: GatewayMetrics) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.connections_limit = max(1, min(settings.connections_limit, files - KEPT_FILES))
        self.head_limit_bytes = settings.head_limit_bytes
        self.head_timeout_s = settings.head_timeout_s
        self.body_timeout_s = settings.body_timeout_s
        self.unread_timeout_s = settings.unread_timeout_s
        self.unread_bytes = settings.slowest_bytes_per_s * settings.unread_timeout_s
        self._refused = metrics.refused_connections
        self.connections: set[Watched] = set()
        self.owned = Room("connections", self.connections_limit, settings.key_share)

    def count(self, reason: type[ScorelineError]) -> None:
        """Count a request, or a connection, that is refused."""
        self._refused.labels(reason.code).inc()

    async def keep(self) -> None:
        """Look at the connections until canceled."""
        shortest_s = min(self.head_timeout_s, self.body_timeout_s, self.unread_timeout_s)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(LOOK_EVERY_S, shortest_s / 2))
            now_s = loop.time()
            for connection in tuple(self.connections):
                connection.look(now_s)
