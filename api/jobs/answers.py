"""Sends the responses about jobs: a small one at once, a large one in pieces, as fast as the client reads.

A large response is some 4 MB. Only its rows and one piece are in memory, of as many responses as there is capacity for.
The event loop makes the pieces itself, at the pace of their owner: a thread that made them could hold the event loop up
for the interpreter's 5 ms each time it wakes.
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
"""The memory of a response that the client does not read, besides its rows: one piece, and uvicorn's buffer.

Source: `HIGH_WATER_LIMIT` of uvicorn.protocols.http.flow_control, 64 KB.
"""
CAPACITY_WAIT_S = 10.0
"""How long a response waits for capacity. A response that is read at once keeps it for some 0.1 s."""

READER_THREADS = 2
"""Threads that read rows, for some 6 ms each time. More would only share the interpreter, and need more memory."""

Reservation = AbstractAsyncContextManager[None]


class Answers:
    """Makes the responses of one process; limits how many are in progress, for one owner and in all."""

    def __init__(self, settings: Settings, ledger: Ledger, pace: Pace) -> None:
        self._ledger = ledger
        self._pace = pace
        self._unsent = Capacity("unsent answers", settings.answers_limit_bytes, settings.key_share)
        self._streams = Capacity("event streams", settings.event_streams_limit, settings.key_share)
        self._readers = CapacityLimiter(READER_THREADS)

    def respond(
        self,
        answer: Answer,
        owner: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        fresh: bool = False,
    ) -> Response:
        """Return the response about a job, for an owner; a large one is a `CapacityResponse`.

        If a job is `fresh`, accepted by the same request, and there is no capacity for its scores, the response is 202
        with the job as running.
        """
        if not answer.rows_bytes:
            return Response(answer.to_json(), status, headers, media_type="application/json")

        async def stream() -> Response:
            pieces = self.stream_pieces(answer, await self.read_rows(answer), owner)
            return StreamingResponse(pieces, status, headers, "application/json")

        running = answer.job.model_copy(update={"state": State.RUNNING, "finished_at": None})
        fallback = self.respond(Answer(running), owner, HTTPStatus.ACCEPTED, headers) if fresh else None
        return CapacityResponse(self.reserve(owner, answer.rows_bytes), stream, fallback)

    def respond_when_made(self, make: Callable[[], BaseModel], owner: str, amount_bytes: int) -> Response:
        """Return a response that `make` makes in a thread, once there is capacity for `amount_bytes`."""

        async def respond() -> Response:
            return send_in_pieces(await run_sync(lambda: make().model_dump_json().encode()), "application/json")

        return CapacityResponse(self.reserve(owner, amount_bytes), respond)

    def reserve(self, owner: str, amount_bytes: int, within_s: float = CAPACITY_WAIT_S) -> Reservation:
        """Reserve memory for a response while it is made and sent. Raises QuotaExceeded and Crowded."""
        return self._unsent.reserved(owner, amount_bytes + UNSENT_BYTES, within_s)

    def reserve_stream(self, owner: str) -> Reservation:
        """Reserve one event stream. Raises QuotaExceeded and Crowded at once."""
        return self._streams.reserved(owner, 1, 0)

    async def read_rows(self, answer: Answer) -> bytes:
        """Return the rows of a large answer; reserve memory first. Raises what `Ledger.rows` raises."""
        return await run_sync(self._ledger.rows, str(answer.job.id), limiter=self._readers)

    async def stream_pieces(self, answer: Answer, rows: bytes, owner: str) -> AsyncIterator[bytes]:
        """Yield a large answer in pieces of some `PIECE_BYTES`, at the pace of the owner."""
        piece = bytearray()
        async for block in self._pace.run_paced(owner, answer.pieces(rows)):
            piece += block
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece)

    async def preview_job(self, answer: Answer, owner: str) -> Job:
        """Return the job with its scores, or with only the first of many. Raises what a large response raises."""
        if not answer.rows_bytes:
            return answer.to_job()
        async with self.reserve(owner, answer.rows_bytes):
            first = next(cut_rows(await self.read_rows(answer)))
            return Answer(answer.job, render_scores(first, answer.model_version)).to_job()


class CapacityResponse(Response):
    """A response that is made once there is capacity for it, which it keeps until its last piece is sent.

    If there is no capacity within some seconds it sends `fallback`, or else raises QuotaExceeded or Crowded. It also
    raises what `make` raises; in each case nothing has been sent yet.
    """

    def __init__(
        self, reservation: Reservation, make: Callable[[], Awaitable[Response]], fallback: Response | None = None
    ) -> None:
        super().__init__()
        self._reservation = reservation
        self._make = make
        self._fallback = fallback

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._reservation:
                response = await self._make()
                await response(scope, receive, send)
        except (Crowded, QuotaExceeded):
            if self._fallback is None:
                raise
            await self._fallback(scope, receive, send)
