"""A receiver of callbacks: a real HTTP server on loopback that remembers what it was told."""

import ssl
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from bench.local.programs import free_port

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="  # noqa: S105 - of services that live as long as a test
OTHER_SECRET = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="  # noqa: S105 - as above


@dataclass(frozen=True)
class Told:
    """One request that was received."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What was told on `port`; answers the next of `statuses`, or 204, with `headers`, after `before` has returned."""

    port: int
    told: list[Told] = field(default_factory=list)
    statuses: deque[int] = field(default_factory=deque)
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[Told], object] = lambda _: None

    @property
    def url(self) -> str:
        """Where it is told."""
        return f"http://127.0.0.1:{self.port}/told"

    def receive(self, told: Told) -> int:
        """Remember the request, and return the status to answer."""
        self.told.append(told)
        self.before(told)
        return self.statuses.popleft() if self.statuses else 204

    def told_of(self, id: str) -> list[Told]:
        """Return what was told of one job."""
        return [told for told in self.told if told.headers["webhook-id"].startswith(id)]


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver(free_port())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.receive(Told(self.path, headers, body)))
            for name, value in ({"Location": "/elsewhere"} | receiver.headers).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 512

        def handle_error(self, *_: object) -> None:
            """Say nothing of a caller that went away."""

    server = Server(("127.0.0.1", receiver.port), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
