"""A gateway that answers what a test wrote for it, where the producer's manners are to be seen."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import UUID

from core.ledger.job import Job, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = UUID("01900000-0000-7000-8000-000000000000")
ENDED = Job(id=ID, state=State.SUCCEEDED, patients=1, accepted_at=NOW, finished_at=NOW, scores=[])
QUEUED = Job(id=ID, state=State.QUEUED, patients=1, accepted_at=NOW)


class Service:
    """A gateway that answers what it was given, in turn, and keeps what it was sent."""

    def __init__(self, answers: list[tuple[int, str, dict[str, str]]]) -> None:
        self.answers = iter(answers)
        self.times_s: list[float] = []
        self.keys: list[str | None] = []
        self.authorizations: list[str | None] = []
        self.bodies: list[bytes] = []

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Send the next answer."""
        self.times_s.append(time.monotonic())
        self.authorizations.append(request.headers["Authorization"])
        self.keys.append(request.headers["Idempotency-Key"])
        self.bodies.append(request.rfile.read(int(request.headers["Content-Length"] or 0)))
        status, body, headers = next(self.answers)
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body.encode())


@contextmanager
def running(service: Service, port: int = 0) -> Iterator[str]:
    """Let the service listen, and give its URL."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    Handler.do_GET = Handler.do_POST = lambda request: service.answer(request)  # type: ignore[attr-defined]
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def accepted(job: Job = QUEUED) -> tuple[int, str, dict[str, str]]:
    """Return the gateway's answer to a submit."""
    return 202, job.model_dump_json(), {}


def problem(status: int, **headers: str) -> tuple[int, str, dict[str, str]]:
    """Return a problem as the gateway answers it."""
    return status, json.dumps({"title": "Later", "detail": "Send it again."}), headers
