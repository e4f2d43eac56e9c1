"""One connection: uvicorn's own protocol, and the bounds that it has none for."""

from asyncio import AbstractEventLoop
from asyncio import Transport as Socket
from enum import Enum, auto
from typing import Any

from starlette.types import Receive, Scope, Send
from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from api.guard import with_headers
from api.problem import problem_of
from api.watch import CONNECTION, KEPT_FILES, Watch
from contract.errors import Crowded, HeadTooLarge, NotHttp, ScorelineError, TooSlow, Unread

WATCH = "watch"
"""What the app's lifespan calls its watch in its state."""

PIPELINED_LIMIT = 64  # requests that wait behind another on the same connection
ALWAYS_SERVED = (b"/health", b"/metrics")  # so that who looks after a crowded gateway sees that it lives
UPLOADS = ("/v1/batches", "/batches")  # which may take as long as they come; `api.upload` sees that they do


class Turn(Enum):
    """What is waited for: whose turn it is."""

    HEAD = auto()
    BODY = auto()
    READER = auto()
    CLOSE = auto()
    OURS = auto()


class Connection(HttpToolsProtocol):
    """A connection that ends if it brings too much, or nothing for too long, or reads nothing."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._watch: Watch = app_state[WATCH]
        self._serves = self.app
        self._surplus = False
        self._owner = ""
        self._came_bytes = 0  # of a head, and maybe of what came with its end
        self._pauses = 0
        self._seen: tuple[Turn, object, int] = (Turn.OURS, None, 0)
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
        self._came_bytes += len(data)
        HttpToolsProtocol.data_received(self, data)
        if not self._in_head:
            self._came_bytes = 0
        elif self._came_bytes > self._watch.head_limit_bytes:
            self._end(HeadTooLarge())

    @property
    def _in_head(self) -> bool:
        """Whether the head of a request has begun to come, and not ended."""
        return self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)

    @override
    def on_headers_complete(self) -> None:
        if self._surplus or self._came_bytes > self._watch.head_limit_bytes or self.pipeline:
            self.app = self._choose()
        self.scope[CONNECTION] = self  # type: ignore[literal-required]  # for the gate, which knows the owner
        HttpToolsProtocol.on_headers_complete(self)

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
        if turn is Turn.OURS:
            self._seen = (turn, None, 0)
            return
        seen = (turn, self.cycle, self._pauses)
        if seen != self._seen:
            self._seen, self._since_s, self._left_bytes = seen, now_s, self.transport.get_write_buffer_size()
            return
        watch, took_s = self._watch, now_s - self._since_s
        if turn is Turn.HEAD and took_s > watch.head_timeout_s:
            self._end(TooSlow(), told=self._in_head)
        elif turn is Turn.BODY and took_s > watch.body_timeout_s:
            self._end(TooSlow())
        elif turn in (Turn.READER, Turn.CLOSE) and took_s > watch.unread_timeout_s:
            self._look_at_reader(now_s)

    def _turn(self) -> Turn:
        cycle = self.cycle
        if self.transport.is_closing():
            return Turn.CLOSE
        if cycle is None or cycle.response_complete:
            return Turn.HEAD
        if self.flow.write_paused:
            return Turn.READER
        stalls = cycle.more_body and not self.flow.read_paused and cycle.scope["path"] not in UPLOADS
        return Turn.BODY if stalls else Turn.OURS

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
        if self._came_bytes > self._watch.head_limit_bytes:
            head_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if head_bytes > self._watch.head_limit_bytes:
                return self._refusing(HeadTooLarge())
        if self._surplus and not self.url.startswith(ALWAYS_SERVED):
            return self._refusing(Crowded(retry_after_s=1))
        return self._serves

    def _refusing(self, error: ScorelineError) -> Any:
        self._watch.count(type(error))

        async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
            answer = problem_of(error)
            answer.raw_headers = [*with_headers(answer.raw_headers), (b"connection", b"close")]
            await answer(scope, receive, send)

        return refuse

    def _end(self, error: ScorelineError, *, told: bool = True) -> None:
        """End the connection; tell why, unless it would be taken for the answer to another request."""
        if self.transport.is_closing():
            return
        self._watch.count(type(error))
        cycle = self.cycle
        idle = cycle is None or cycle.response_complete
        if told and (idle or (cycle.more_body and not cycle.response_started and not self.pipeline)):
            self.transport.write(render(error))
        self.transport.close()


def render(error: ScorelineError) -> bytes:
    """Return the answer that tells of an error, as it is sent."""
    told = problem_of(error)
    headers = b"".join(b"%b: %b\r\n" % header for header in with_headers(told.raw_headers))
    return b"%b%bconnection: close\r\n\r\n%b" % (STATUS_LINE[told.status_code], headers, bytes(told.body))
