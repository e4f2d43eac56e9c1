"""Gives each request an id, which its response, log lines and threads carry, and keeps its trace."""

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
ALLOWED_ID = re.compile(rb"[A-Za-z0-9._~:+/=@-]{1,128}")  # safe to send back, to log and to put into a URN
ADDRESS = re.compile(r"/v1/(job|batch)(?:e?s)/([0-9a-f-]{36})(?:/|$)")

log = logging.getLogger(__name__)


ResponseObserver = Callable[[Scope, Message, float], None]
"""Called at the start of each response with the request's scope, the response's first message, and the seconds."""


class RequestIdMiddleware:
    """Middleware that sets the origin (id and trace) of each request, and calls the observers of its response.

    A client's own `X-Request-ID` is kept if it matches `ALLOWED_ID`. If requests are `traced`, the trace is that of the
    current span.
    """

    def __init__(self, app: ASGIApp, *, traced: bool, observers: Sequence[ResponseObserver]) -> None:
        self._app = app
        self._traced = traced
        self._observers = observers
        self._own, self._count = new_id(), count(1)  # a random id for each request would double its cost

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve the request."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        client_id, trace = read_origin(scope["headers"])
        request_id = client_id or f"{self._own}.{next(self._count)}"
        if self._traced:
            trace = adopt_span(request_id, hidden_query=bool(scope["query_string"]))
        ORIGIN.set((request_id, trace))
        started_s = time.perf_counter()

        # Neither this function nor `__call__` is a coroutine: that would cost a microsecond a request.
        def send_with_id(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"].append((REQUEST_ID, request_id.encode()))
                for observer in self._observers:
                    observer(scope, message, time.perf_counter() - started_s)
            return send(message)

        return self._app(scope, receive, send_with_id)


class LoggingMiddleware:
    """Logs one line for each response; `fast_paths` are the paths that `FastPath` serves."""

    def __init__(self, fast_paths: Collection[str]) -> None:
        self._fast_paths = fast_paths

    def __call__(self, scope: Scope, message: Message, seconds: float) -> None:
        """Log the response, with the id of the job or batch that the request was about."""
        method, route, status = method_of(scope), template_of(scope, self._fast_paths), message["status"]
        location = dict(message["headers"]).get(b"location", b"").decode("latin-1")
        address = ADDRESS.match(location) or ADDRESS.match(scope["path"])
        answer = {"method": method, "route": route, "status": status, "ms": round(1000 * seconds, 1)}
        ids = about(**{f"{address[1]}_id": address[2]}) if address else {}
        log.info("%s %s was answered %d", method, route, status, extra=answer | ids)


def read_origin(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str | None, str | None]:
    """Return the request's own id if it is allowed, and its `traceparent` in the form of `core.trace`, if valid."""
    client_id, trace = b"", None
    for name, value in headers:
        if name == REQUEST_ID:
            client_id = value
        elif name == TRACEPARENT:
            trace = value if trace is None else b""  # if it is sent twice, neither counts
    request_id = client_id.decode() if client_id and ALLOWED_ID.fullmatch(client_id) else None
    return request_id, read_traceparent(trace.decode("latin-1")) if trace else None


class Threads(ThreadPoolExecutor):
    """A thread pool whose log lines carry the id of the request that submitted the work."""

    @override
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(copy_context().run, fn, *args, **kwargs)
