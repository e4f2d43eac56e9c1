"""The limits of connections: none is held open for nothing; one that is refused is told why where that can be told.

A timer for each request would cost each request; to look costs a microsecond a connection.
"""

import asyncio
import logging
import resource
from functools import partial
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.auth.shares import Capacity
from api.http.problem import problem_of
from api.http.security import with_headers
from core.errors import ScorelineError
from core.settings import Settings
from monitoring.instrument import GatewayMetrics

log = logging.getLogger(__name__)

CONNECTION = "scoreline.connection"
"""Under this name the scope of a request has its connection."""

LOOK_EVERY_S = 1.0
KEPT_FILES = 256  # for Redis, the store, and the refusal of one connection too many


class LimitedConnection(Protocol):
    """A connection, as far as the watch is concerned."""

    def look(self, now_s: float) -> None:
        """See whether whoever is at the other end is too slow, and if so, end it."""

    def belong_to(self, owner: str) -> None:
        """Count it as the owner's from now on. Raises QuotaExceeded if they have as many as one may."""


class ConnectionLimits:
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
        self.connections: set[LimitedConnection] = set()
        self.owned = Capacity("connections", self.connections_limit, settings.key_share)

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
            self.look(now_s)

    def look(self, now_s: float) -> None:
        """Look at each connection, whatever becomes of the look at another."""
        for connection in tuple(self.connections):
            try:
                connection.look(now_s)
            except Exception as error:  # its text could hold what was sent
                log.error("a connection cannot be looked at: %s", type(error).__name__)


class RefusingProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, which answers what came whole before it refuses what came after."""

    _watch: ConnectionLimits
    _whole = True  # no request is coming whose head is known
    _refused = False  # and so no more is read

    def _refusing(self, error: ScorelineError) -> Any:
        """Return what answers a request with the error, and closes the connection; read no more of it."""
        self._watch.count(type(error))
        self._stop_reading()

        async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
            answer = problem_of(error)
            answer.raw_headers = [*with_headers(answer.raw_headers), (b"connection", b"close")]
            await answer(scope, receive, send)

        return refuse

    def _end(self, error: ScorelineError, *, told: bool = True) -> None:
        """End the connection; tell why, unless it would be taken for the answer to another request.

        What came whole before is answered first.
        """
        if self._refused or self.transport.is_closing():
            return
        cycle = self.cycle
        if self.pipeline and not self._whole:
            self.pipeline[0] = (cycle, self._refusing(error))
            return
        self._watch.count(type(error))
        if self._whole and cycle is not None and not cycle.response_complete:
            self._stop_reading()
            cycle.on_response = partial(self._end_after_answer, render(error))  # made now: it is not of that request
            return
        if not self._whole:  # who serves it is to have done with it
            told = told and not cycle.response_started
            cycle.disconnected = True
        self._close(render(error) if told else b"")

    def _end_after_answer(self, answer: bytes) -> None:
        """Do what uvicorn does after an answer, then tell what is wrong with what came behind its request."""
        self.on_response_complete()
        if not self.transport.is_closing():
            self._close(answer)

    def _close(self, answer: bytes) -> None:
        if answer:
            self.transport.write(answer)
        self.transport.close()

    def _stop_reading(self) -> None:
        """Read no more, for good: uvicorn only goes on where it remembers that it has stopped."""
        self._refused = True
        self.transport.pause_reading()
        self.flow.read_paused = False


def render(error: ScorelineError) -> bytes:
    """Return the answer that tells of an error, as it is sent."""
    told = problem_of(error)
    headers = b"".join(b"%b: %b\r\n" % header for header in with_headers(told.raw_headers))
    return b"%b%bconnection: close\r\n\r\n%b" % (STATUS_LINE[told.status_code], headers, bytes(told.body))
