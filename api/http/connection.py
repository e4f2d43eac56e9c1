"""One connection: uvicorn's protocol, with the limits that uvicorn lacks."""

import re
from asyncio import AbstractEventLoop
from asyncio import Transport as Socket
from enum import Enum, auto
from typing import Any

from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.http.connection_limits import CONNECTION, RESERVED_FILES, ConnectionLimits, RefusingProtocol
from core.errors import Crowded, HeadTooLarge, NotHttp, TooSlow, Unread

CONNECTION_LIMITS = "connection_limits"
"""The key of the app's `ConnectionLimits` in the lifespan state."""

SLASH = ord("/")
STAR = b"*"  # the target of `OPTIONS *`
CHUNK_BYTES = 20  # around each chunk of a body: its size in at most 16 digits, and two line ends
LARGE_READ_BYTES = 65_536  # parsing a read of this size takes some 2 ms if each byte is a chunk
PIPELINED_LIMIT = 64  # requests that wait behind another one on the same connection
NEVER_REFUSED = (b"/health",)  # so that a health check of a crowded gateway succeeds
UPLOADS = ("/v1/batches", "/batches")  # they may take longer; `api.batches.upload` has its own limits

Header = tuple[bytes, bytes]

ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]+)(.*)", re.DOTALL)


class WaitingFor(Enum):
    """What a connection waits for: a part of the request, the client's reading, its close, or the gateway."""

    HEAD = auto()
    BODY = auto()
    READER = auto()
    CLOSE = auto()
    GATEWAY = auto()


class Connection(RefusingProtocol):
    """A connection that is closed if the client sends too much, sends nothing for too long, or does not read.

    All bytes of a request but its body count against `SCORELINE_HEAD_LIMIT_BYTES`: head, trailers, and chunk
    extensions. The parser does not report where these end, so the count is the bytes received less the bytes of body.
    If a request begins in the same read in which the one before it ends, which nearly no client does, only its head and
    the bytes of later reads are counted.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits: ConnectionLimits = app_state[CONNECTION_LIMITS]
        self._served_app = self.app
        self._over_limit = False
        self._extra_bytes = 0  # the bytes received of the current request, besides its body
        self._mixed = False  # whether they may contain bytes of the request before it
        self._owner = ""
        self._pauses = 0
        self._last_state: tuple[WaitingFor, object, int] = (WaitingFor.GATEWAY, None, 0)
        self._since_s, self._left_bytes = 0.0, 0

    @override
    def connection_made(self, transport: Socket) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        open_now, limit = self._limits.connections, self._limits.connections_limit
        open_now.add(self)
        self._over_limit = len(open_now) > limit
        if len(open_now) > limit + RESERVED_FILES // 2:
            self._limits.count_refusal(Crowded)
            transport.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._limits.connections.discard(self)
        if self._owner:
            self._limits.capacity.release(self._owner)
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        mixed = self._mixed
        self._extra_bytes += len(data)
        HttpToolsProtocol.data_received(self, data)
        in_head, ended = self._in_head, self._mixed and not mixed
        if self._extra_bytes > self._limits.head_limit_bytes and not (in_head and ended):
            self._whole = self._whole and in_head
            self._end_connection(HeadTooLarge())
        if self._mixed and (ended or not in_head):
            self._extra_bytes, self._mixed = 0, in_head
        if len(data) >= LARGE_READ_BYTES and not self._refused:
            self._yield_to_others()

    def _yield_to_others(self) -> None:
        """Pause until the other connections have been read: libuv reads a full socket up to 32 times in a row."""
        self.transport.pause_reading()
        self.loop.call_soon(self._resume_reading)

    def _resume_reading(self) -> None:
        if not (self.flow.read_paused or self._refused or self.transport.is_closing()):
            self.transport.resume_reading()

    @property
    def _in_head(self) -> bool:
        """Whether the head of a request has been received in part."""
        return self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)

    @override
    def on_headers_complete(self) -> None:
        if self.url[0] != SLASH and self.url != STAR:
            host, self.url = split_target(self.url)
            replace_hosts(self.headers, host)
        if self._over_limit or self._mixed or self._extra_bytes > self._limits.head_limit_bytes or self.pipeline:
            self.app = self._choose_app()
        self.scope[CONNECTION] = self  # type: ignore[literal-required]  # for the authentication, which sets the owner
        HttpToolsProtocol.on_headers_complete(self)
        self.headers, self._whole = TRAILERS, False
        if self._mixed:
            self._extra_bytes, self._mixed = 0, False

    @override
    def on_body(self, body: bytes) -> None:
        # uvicorn's own code without its WebSocket case: a body in chunks of one byte has four million of them.
        self._extra_bytes -= len(body) + CHUNK_BYTES
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()

    @override
    def on_message_complete(self) -> None:
        self._whole = self._mixed = True
        HttpToolsProtocol.on_message_complete(self)

    def assign_owner(self, owner: str) -> None:
        """Count the connection as the owner's from now on. Raises QuotaExceeded if the owner has too many."""
        if owner != self._owner:
            self._limits.capacity.reserve_now(owner)
            if self._owner:
                self._limits.capacity.release(self._owner)
            self._owner = owner

    @override
    def pause_writing(self) -> None:
        self._pauses += 1
        super().pause_writing()

    @override
    def send_400_response(self, msg: str) -> None:
        self._end_connection(NotHttp())

    def check_progress(self, now_s: float) -> None:
        """End the connection if it has waited for the client for too long."""
        waiting_for = self._find_waiting_for()
        if waiting_for is WaitingFor.GATEWAY:
            self._last_state = (waiting_for, None, 0)
            return
        state = (waiting_for, self.cycle, self._pauses)
        if state != self._last_state:
            self._last_state, self._since_s, self._left_bytes = state, now_s, self.transport.get_write_buffer_size()
            return
        limits, took_s = self._limits, now_s - self._since_s
        if waiting_for is WaitingFor.HEAD and took_s > limits.head_timeout_s:
            self._end_connection(TooSlow(), explain=self._in_head)
        elif waiting_for is WaitingFor.BODY and took_s > limits.body_timeout_s:
            self._end_connection(TooSlow())
        elif waiting_for in (WaitingFor.READER, WaitingFor.CLOSE) and took_s > limits.unread_timeout_s:
            self._check_reader(now_s)

    def _find_waiting_for(self) -> WaitingFor:
        cycle = self.cycle
        if self.transport.is_closing():
            return WaitingFor.CLOSE
        if cycle is None or cycle.response_complete:
            return WaitingFor.HEAD
        if self.flow.write_paused:
            return WaitingFor.READER
        stalls = cycle.more_body and not self.flow.read_paused and cycle.scope["path"] not in UPLOADS
        return WaitingFor.BODY if stalls else WaitingFor.GATEWAY

    def _check_reader(self, now_s: float) -> None:
        left_bytes = self.transport.get_write_buffer_size()
        if self._left_bytes - left_bytes < self._limits.unread_bytes:
            self._limits.count_refusal(Unread)
            self.transport.abort()
        self._since_s, self._left_bytes = now_s, left_bytes

    def _choose_app(self) -> Any:
        """Return the app for a request on a surplus connection, or with a head that may be too large.

        Raises ValueError, which ends the connection, if too many requests wait on it.
        """
        if len(self.pipeline) >= PIPELINED_LIMIT:
            raise ValueError("too many requests at once")
        if self._mixed or self._extra_bytes > self._limits.head_limit_bytes:
            head_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if head_bytes > self._limits.head_limit_bytes:
                return self._make_refusal(HeadTooLarge())
        if self._over_limit and not self.url.startswith(NEVER_REFUSED):
            return self._make_refusal(Crowded(retry_after_s=1))
        return self._served_app


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """Return the host and port of an absolute target (`http://host/path`), and its path.

    Raises ValueError for a target of another scheme.
    """
    if not (match := ABSOLUTE.fullmatch(target)):
        raise ValueError("a target is a path, or a URL of http or https")
    host, path = match.groups()
    return host, path if path.startswith(b"/") else b"/" + path


def replace_hosts(headers: list[Header], host: bytes) -> None:
    """Replace the value of each `Host` header by the host of the target, so that all readers see the same host.

    No header is added: a request of HTTP/1.1 without `Host` is still refused.
    """
    headers[:] = [(name, host if name == b"host" else value) for name, value in headers]


class DroppedTrailers(list[tuple[bytes, bytes]]):
    """Discards the fields of trailers, which must not be treated as headers (RFC 9110, section 6.5.1)."""

    @override
    def append(self, field: tuple[bytes, bytes]) -> None:
        pass


TRAILERS = DroppedTrailers()
