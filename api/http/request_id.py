"""Gives each request an id, which its answer, its lines in the log and its threads carry, and keeps its trace."""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import count
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

from api.http.metrics import method_of, template_of
from core.ids import new_id
from core.trace import read_traceparent
from monitoring.log import ORIGIN, about
from monitoring.tracing import adopt_span

REQUEST_ID, TRACEPARENT = b"x-request-id", b"traceparent"
SANE = re.compile(rb"[A-Za-z0-9._~:+/=@-]{1,128}")  # what is sent back, and written into logs and URNs, as it is
ADDRESS = re.compile(r"/v1/(job|batch)(?:e?s)/([0-9a-f-]{36})(?:/|$)")

log = logging.getLogger(__name__)


ResponseObserver = Callable[[Scope, Message, float], None]
"""Is told of each answer: the request's scope, how the answer begins, and the seconds that took."""


class RequestIdMiddleware:
    """Middleware that keeps the origin of each request, and tells others how it was answered.

    `X-Request-ID` is the client's own if it is sane. Where requests are `traced` their trace is that of the span that
    they are in.
    """

    def __init__(self, app: ASGIApp, *, traced: bool, witnesses: Sequence[ResponseObserver]) -> None:
        self._app = app
        self._traced = traced
        self._witnesses = witnesses
        self._own, self._count = new_id(), count(1)  # an id all of its own would take each request twice as long

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve the request."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        given, trace = read_origin(scope["headers"])
        request_id = given or f"{self._own}.{next(self._count)}"
        if self._traced:
            trace = adopt_span(request_id, hidden_query=bool(scope["query_string"]))
        ORIGIN.set((request_id, trace))
        begun_s = time.perf_counter()

        # Neither this nor the call itself is a coroutine of its own, since a request has no microsecond to spare.
        def tell(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"].append((REQUEST_ID, request_id.encode()))
                for witness in self._witnesses:
                    witness(scope, message, time.perf_counter() - begun_s)
            return send(message)

        return self._app(scope, receive, tell)


class LoggingMiddleware:
    """Writes a line of the log for each answer; `short` are the paths of the short way."""

    def __init__(self, short: Collection[str]) -> None:
        self._short = short

    def __call__(self, scope: Scope, message: Message, seconds: float) -> None:
        """Write the line, which has the id of the job or batch that the request was about."""
        method, route, status = method_of(scope), template_of(scope, self._short), message["status"]
        location = dict(message["headers"]).get(b"location", b"").decode("latin-1")
        found = ADDRESS.match(location) or ADDRESS.match(scope["path"])
        answer = {"method": method, "route": route, "status": status, "ms": round(1000 * seconds, 1)}
        ids = about(**{f"{found[1]}_id": found[2]}) if found else {}
        log.info("%s %s was answered %d", method, route, status, extra=answer | ids)


def read_origin(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str | None, str | None]:
    """Return the id that a request came with, if it is sane, and its `traceparent` in our form, if it has one."""
    given, trace = b"", None
    for name, value in headers:
        if name == REQUEST_ID:
            given = value
        elif name == TRACEPARENT:
            trace = value if trace is None else b""  # of two, neither counts
    request_id = given.decode() if given and SANE.fullmatch(given) else None
    return request_id, read_traceparent(trace.decode("latin-1")) if trace else None


class Threads(ThreadPoolExecutor):
    """Threads in which a line of the log names the request that it is about, as in the event loop."""

    @override
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(copy_context().run, fn, *args, **kwargs)
