"""One connection: uvicorn's own protocol, and the bounds that it has none for."""

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

from api.http.connection_limits import CONNECTION, KEPT_FILES, ConnectionLimits, RefusingProtocol
from core.errors import Crowded, HeadTooLarge, NotHttp, TooSlow, Unread

WATCH = "watch"
"""What the app's lifespan calls its watch in its state."""

SLASH = ord("/")
STAR = b"*"  # the target of `OPTIONS *`
CHUNK_BYTES = 20  # around each chunk of a body: its size in at most 16 digits, and two line ends
LARGE_READ_BYTES = 65_536  # of a read; parsing as many takes some 2 ms if each byte is a chunk
PIPELINED_LIMIT = 64  # requests that wait behind another on the same connection
ALWAYS_SERVED = (b"/health",)  # so that who looks after a crowded gateway sees that it lives
UPLOADS = ("/v1/batches", "/batches")  # which may take as long as they come; `api.batches.upload` sees that they do


class WaitingFor(Enum):
    """What is waited for: whose turn it is."""

    HEAD = auto()
    BODY = auto()
    READER = auto()
    CLOSE = auto()
    OURS = auto()


class Connection(RefusingProtocol):
    """A connection that ends if it brings too much, or nothing for too long, or reads nothing.

    All of a request but its body is counted against `SCORELINE_HEAD_LIMIT_BYTES`: head, trailers, and what stands
    beside the sizes of its chunks. The parser tells where none of these ends, so what is counted is what came less what
    of it was body. Of a request that came with the end of another, as nearly no client sends them, only its head is
    counted, and what comes later.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._watch: ConnectionLimits = app_state[WATCH]
        self._serves = self.app
        self._surplus = False
        self._extra_bytes = 0  # of what came of a request, besides its body
        self._mixed = False  # they may be of the one before it, too
        self._owner = ""
        self._pauses = 0
        self._seen: tuple[WaitingFor, object, int] = (WaitingFor.OURS, None, 0)
        self._since_s, self._left_bytes = 0.0, 0

    @override
    def connection_made(self, transport: Socket) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        open_now, limit = self._watch.connections, self._watch.connections_limit
        open_now.add(self)
        self._surplus = len(open_now) > limit
        if len(open_now) > limit + KEPT_FILES // 2:
            self._watch.count(Crowded)
            transport.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._watch.connections.discard(self)
        if self._owner:
            self._watch.owned.give_back(self._owner)
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        mixed = self._mixed
        self._extra_bytes += len(data)
        HttpToolsProtocol.data_received(self, data)
        in_head, ended = self._in_head, self._mixed and not mixed
        if self._extra_bytes > self._watch.head_limit_bytes and not (in_head and ended):
            self._whole = self._whole and in_head
            self._end(HeadTooLarge())
        if self._mixed and (ended or not in_head):
            self._extra_bytes, self._mixed = 0, in_head
        if len(data) >= LARGE_READ_BYTES and not self._refused:
            self._let_others_read()

    def _let_others_read(self) -> None:
        """Read on once all other connections had their turn: libuv reads up to 32 times in a row where all is full."""
        self.transport.pause_reading()
        self.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        if not (self.flow.read_paused or self._refused or self.transport.is_closing()):
            self.transport.resume_reading()

    @property
    def _in_head(self) -> bool:
        """Whether the head of a request has begun to come, and not ended."""
        return self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)

    @override
    def on_headers_complete(self) -> None:
        if self.url[0] != SLASH and self.url != STAR:
            host, self.url = split_target(self.url)
            put_host(self.headers, host)
        if self._surplus or self._mixed or self._extra_bytes > self._watch.head_limit_bytes or self.pipeline:
            self.app = self._choose()
        self.scope[CONNECTION] = self  # type: ignore[literal-required]  # for the gate, which knows the owner
        HttpToolsProtocol.on_headers_complete(self)
        self.headers, self._whole = TRAILERS, False
        if self._mixed:
            self._extra_bytes, self._mixed = 0, False

    @override
    def on_body(self, body: bytes) -> None:
        # As uvicorn has it, but for WebSockets: a body in chunks of a byte is four million of them.
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

    def belong_to(self, owner: str) -> None:
        """Count the connection as the owner's from now on. Raises QuotaExceeded if they have as many as one may."""
        if owner != self._owner:
            self._watch.owned.take(owner)
            if self._owner:
                self._watch.owned.give_back(self._owner)
            self._owner = owner

    @override
    def pause_writing(self) -> None:
        self._pauses += 1
        super().pause_writing()

    @override
    def send_400_response(self, msg: str) -> None:
        self._end(NotHttp())

    def look(self, now_s: float) -> None:
        """End the connection if it was for too long the turn of whoever is at the other end."""
        turn = self._turn()
        if turn is WaitingFor.OURS:
            self._seen = (turn, None, 0)
            return
        seen = (turn, self.cycle, self._pauses)
        if seen != self._seen:
            self._seen, self._since_s, self._left_bytes = seen, now_s, self.transport.get_write_buffer_size()
            return
        watch, took_s = self._watch, now_s - self._since_s
        if turn is WaitingFor.HEAD and took_s > watch.head_timeout_s:
            self._end(TooSlow(), told=self._in_head)
        elif turn is WaitingFor.BODY and took_s > watch.body_timeout_s:
            self._end(TooSlow())
        elif turn in (WaitingFor.READER, WaitingFor.CLOSE) and took_s > watch.unread_timeout_s:
            self._look_at_reader(now_s)

    def _turn(self) -> WaitingFor:
        cycle = self.cycle
        if self.transport.is_closing():
            return WaitingFor.CLOSE
        if cycle is None or cycle.response_complete:
            return WaitingFor.HEAD
        if self.flow.write_paused:
            return WaitingFor.READER
        stalls = cycle.more_body and not self.flow.read_paused and cycle.scope["path"] not in UPLOADS
        return WaitingFor.BODY if stalls else WaitingFor.OURS

    def _look_at_reader(self, now_s: float) -> None:
        left_bytes = self.transport.get_write_buffer_size()
        if self._left_bytes - left_bytes < self._watch.unread_bytes:
            self._watch.count(Unread)
            self.transport.abort()
        self._since_s, self._left_bytes = now_s, left_bytes

    def _choose(self) -> Any:
        """Return what serves a request of a connection too many, or one whose head may be too large.

        Raises ValueError, which ends the connection, where too many requests wait on it.
        """
        if len(self.pipeline) >= PIPELINED_LIMIT:
            raise ValueError("too many requests at once")
        if self._mixed or self._extra_bytes > self._watch.head_limit_bytes:
            head_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if head_bytes > self._watch.head_limit_bytes:
                return self._refusing(HeadTooLarge())
        if self._surplus and not self.url.startswith(ALWAYS_SERVED):
            return self._refusing(Crowded(retry_after_s=1))
        return self._serves


Header = tuple[bytes, bytes]

ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]+)(.*)", re.DOTALL)


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """Return the host that an absolute target names, with its port, and the target as it would be without them.

    Raises ValueError for a target of another scheme.
    """
    if not (found := ABSOLUTE.fullmatch(target)):
        raise ValueError("a target is a path, or a URL of http or https")
    host, path = found.groups()
    return host, path if path.startswith(b"/") else b"/" + path


def put_host(headers: list[Header], host: bytes) -> None:
    """Put the target's host in the place of each `Host`, as who reads both would believe another one.

    None is added: a request of HTTP/1.1 without one is refused all the same.
    """
    headers[:] = [(name, host if name == b"host" else value) for name, value in headers]


class DroppedTrailers(list[tuple[bytes, bytes]]):
    """Takes the fields of trailers, none of which may be taken for a header (RFC 9110, section 6.5.1)."""

    @override
    def append(self, field: tuple[bytes, bytes]) -> None:
        pass


TRAILERS = DroppedTrailers()
