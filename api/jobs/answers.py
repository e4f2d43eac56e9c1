"""Sends what is answered about jobs: at once where it is small; else in pieces, as the reader takes them.

A large answer is some 4 MB, so only its rows are held, of as many answers as there is room for, and one piece of it.
The event loop makes the pieces itself, at the pace of their owner: a thread that makes them would hold it up for the
interpreter's 5 ms each time that it wakes.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from api.auth.shares import Capacity
from api.http.responses import PIECE_BYTES, send_in_pieces
from api.pace import Pace
from core.errors import Crowded, QuotaExceeded
from core.ledger.answer import Answer, cut_rows, render_scores
from core.ledger.job import Job, State
from core.ledger.protocol import Ledger
from core.settings import Settings

UNSENT_BYTES = 2 * PIECE_BYTES
"""What an answer that nobody reads holds besides what it is made of: a piece, and what uvicorn holds up to its mark.

Source: `HIGH_WATER_LIMIT` of uvicorn.protocols.http.flow_control, 64 KB.
"""
PATIENCE_S = 10.0
"""How long an answer waits for room. One that is read at once needs some 0.1 s."""

READERS = 2
"""Threads that read rows at once, for some 6 ms: more would share the interpreter, and keep memory of their own."""

HeldCapacity = AbstractAsyncContextManager[None]


class Answers:
    """Sends the answers of one process, of which only so many are in progress, of one owner and in all."""

    def __init__(self, settings: Settings, ledger: Ledger, pace: Pace) -> None:
        self._ledger = ledger
        self._pace = pace
        self._room = Capacity("unsent answers", settings.answers_limit_bytes, settings.key_share)
        self._streams = Capacity("event streams", settings.event_streams_limit, settings.key_share)
        self._readers = CapacityLimiter(READERS)

    def respond(
        self,
        answer: Answer,
        owner: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        fresh: bool = False,
    ) -> Response:
        """Return the response about a job, for an owner: a large one is a `CapacityResponse`.

        Of a `fresh` job, which was accepted by the same request, 202 tells as much as that it runs if there is no room.
        """
        if not answer.rows_bytes:
            return Response(answer.to_json(), status, headers, media_type="application/json")

        async def stream() -> Response:
            pieces = self.pieces(answer, await self.rows(answer), owner)
            return StreamingResponse(pieces, status, headers, "application/json")

        running = answer.job.model_copy(update={"state": State.RUNNING, "finished_at": None})
        unseen = self.respond(Answer(running), owner, HTTPStatus.ACCEPTED, headers) if fresh else None
        return CapacityResponse(self.hold(owner, answer.rows_bytes), stream, unseen)

    def respond_late(self, make: Callable[[], BaseModel], owner: str, amount_bytes: int) -> Response:
        """Return the response that is made in a thread, once there is room for what it takes."""

        async def late() -> Response:
            return send_in_pieces(await run_sync(lambda: make().model_dump_json().encode()), "application/json")

        return CapacityResponse(self.hold(owner, amount_bytes), late)

    def hold(self, owner: str, amount_bytes: int, within_s: float = PATIENCE_S) -> HeldCapacity:
        """Hold room for an answer that takes so much while it is made and sent. Raises QuotaExceeded and Crowded."""
        return self._room.held(owner, amount_bytes + UNSENT_BYTES, within_s)

    def hold_stream(self, owner: str) -> HeldCapacity:
        """Hold room for an event stream. Raises QuotaExceeded and Crowded at once."""
        return self._streams.held(owner, 1, 0)

    async def rows(self, answer: Answer) -> bytes:
        """Return the rows of a large answer, for which there must be room. Raises what `Ledger.rows` does."""
        return await run_sync(self._ledger.rows, str(answer.job.id), limiter=self._readers)

    async def pieces(self, answer: Answer, rows: bytes, owner: str) -> AsyncIterator[bytes]:
        """Yield a large answer in pieces of some `PIECE_BYTES`, at the pace of the owner."""
        piece = bytearray()
        async for block in self._pace.made(owner, answer.pieces(rows)):
            piece += block
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece)

    async def show(self, answer: Answer, owner: str) -> Job:
        """Return the job with all of its scores, or with the first of many. Raises as a large response does."""
        if not answer.rows_bytes:
            return answer.to_job()
        async with self.hold(owner, answer.rows_bytes):
            first = next(cut_rows(await self.rows(answer)))
            return Answer(answer.job, render_scores(first, answer.model_version)).to_job()


class CapacityResponse(Response):
    """A response that is made once there is room for it, and holds that room until its last piece is taken.

    If there is none within some seconds it is what is told `without_room`, or else raises QuotaExceeded or Crowded; it
    raises what `make` does, too, and all of that before anything is sent.
    """

    def __init__(
        self, hold: HeldCapacity, make: Callable[[], Awaitable[Response]], without_room: Response | None = None
    ) -> None:
        super().__init__()
        self._hold = hold
        self._make = make
        self._without_room = without_room

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._hold:
                response = await self._make()
                await response(scope, receive, send)
        except (Crowded, QuotaExceeded):
            if self._without_room is None:
                raise
            await self._without_room(scope, receive, send)
