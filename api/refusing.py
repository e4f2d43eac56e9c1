"""How a connection is refused: told why where that can be told, and then closed."""

from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.guard import with_headers
from api.problem import problem_of
from api.watch import Watch
from contract.errors import ScorelineError


class Refusing(HttpToolsProtocol):
    """uvicorn's own protocol, which answers what came whole before it refuses what came after."""

    _watch: Watch
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
