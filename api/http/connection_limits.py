"""The limits of connections: an idle or slow one is closed, with the reason where the protocol allows an answer.

One task checks all connections, at a microsecond each: a timer for each request would cost more.
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
from api.http.security import add_security_headers
from core.errors import ScorelineError
from core.settings import Settings
from monitoring.instrument import GatewayMetrics

log = logging.getLogger(__name__)

CONNECTION = "scoreline.connection"
"""The key of a request's connection in its ASGI scope."""

CHECK_EVERY_S = 1.0
RESERVED_FILES = 256  # for Redis, the object store, and connections that are accepted only to be refused


class LimitedConnection(Protocol):
    """A connection, as far as `ConnectionLimits` uses it."""

    def check_progress(self, now_s: float) -> None:
        """End the connection if the client is too slow. `now_s` is the event loop's time."""

    def assign_owner(self, owner: str) -> None:
        """Count the connection as the owner's from now on. Raises QuotaExceeded if the owner has too many."""


class ConnectionLimits:
    """The limits of one gateway process, and its open `connections`, which add and remove themselves."""

    def __init__(self, settings: Settings, metrics: GatewayMetrics) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.connections_limit = max(1, min(settings.connections_limit, files - RESERVED_FILES))
        self.head_limit_bytes = settings.head_limit_bytes
        self.head_timeout_s = settings.head_timeout_s
        self.body_timeout_s = settings.body_timeout_s
        self.unread_timeout_s = settings.unread_timeout_s
        self.unread_bytes = settings.slowest_bytes_per_s * settings.unread_timeout_s
        self._refused = metrics.refused_connections
        self.connections: set[LimitedConnection] = set()
        self.capacity = Capacity("connections", self.connections_limit, settings.key_share)

    def count_refusal(self, reason: type[ScorelineError]) -> None:
        """Count a refused request or connection by its reason."""
        self._refused.labels(reason.code).inc()

    async def check_forever(self) -> None:
        """Check the connections at intervals until canceled."""
        shortest_s = min(self.head_timeout_s, self.body_timeout_s, self.unread_timeout_s)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(CHECK_EVERY_S, shortest_s / 2))
            now_s = loop.time()
            self.check_connections(now_s)

    def check_connections(self, now_s: float) -> None:
        """Check each connection; an error in one check does not affect the others."""
        for connection in tuple(self.connections):
            try:
                connection.check_progress(now_s)
            except Exception as error:  # whose text could contain data of a request
                log.error("a connection cannot be checked: %s", type(error).__name__)


class RefusingProtocol(HttpToolsProtocol):
    """uvicorn's protocol, extended so that it answers all complete requests before it refuses the next one."""

    _limits: ConnectionLimits
    _whole = True  # whether all requests whose heads were received are complete
    _refused = False  # whether the connection is being refused; then no more is read

    def _make_refusal(self, error: ScorelineError) -> Any:
        """Return an app that answers with the error and closes the connection; stop reading from it."""
        self._limits.count_refusal(type(error))
        self._stop_reading()

        async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
            answer = problem_of(error)
            answer.raw_headers = [*add_security_headers(answer.raw_headers), (b"connection", b"close")]
            await answer(scope, receive, send)

        return refuse

    def _end_connection(self, error: ScorelineError, *, explain: bool = True) -> None:
        """End the connection once the complete requests have been answered.

        Send the error, unless the client would take it for the answer to another request; never without `explain`.
        """
        if self._refused or self.transport.is_closing():
            return
        cycle = self.cycle
        if self.pipeline and not self._whole:
            self.pipeline[0] = (cycle, self._make_refusal(error))
            return
        self._limits.count_refusal(type(error))
        if self._whole and cycle is not None and not cycle.response_complete:
            self._stop_reading()
            # Rendered now, since it must not carry the id of that request.
            cycle.on_response = partial(self._end_after_answer, render(error))
            return
        if not self._whole:  # tell the app that the client is gone
            explain = explain and not cycle.response_started
            cycle.disconnected = True
        self._close(render(error) if explain else b"")

    def _end_after_answer(self, answer: bytes) -> None:
        """Do what uvicorn does after an answer, then send the error of the request that came after it."""
        self.on_response_complete()
        if not self.transport.is_closing():
            self._close(answer)

    def _close(self, answer: bytes) -> None:
        if answer:
            self.transport.write(answer)
        self.transport.close()

    def _stop_reading(self) -> None:
        """Stop reading for good: uvicorn resumes only if `read_paused` is set."""
        self._refused = True
        self.transport.pause_reading()
        self.flow.read_paused = False


def render(error: ScorelineError) -> bytes:
    """Return the bytes of the HTTP response for an error."""
    problem = problem_of(error)
    headers = b"".join(b"%b: %b\r\n" % header for header in add_security_headers(problem.raw_headers))
    return b"%b%bconnection: close\r\n\r\n%b" % (STATUS_LINE[problem.status_code], headers, bytes(problem.body))
