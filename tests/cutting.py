"""A relay that cuts off every answer after so many bytes, as a bad line does."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import urlsplit

PIECE_BYTES = 1_000


class Cuts:
    """How often an answer was cut off."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.count = 0


@contextmanager
def cutting(url: str, after_bytes: int) -> Iterator[Cuts]:
    """Relay what is sent to the server at the URL, and the first bytes of what it answers."""
    to = urlsplit(url)

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((to.hostname or "", to.port or 0)) as far:
                far.sendall(self.request.recv(65_536))  # a GET comes whole
                left = after_bytes
                while left > 0 and (piece := far.recv(min(PIECE_BYTES, left))):
                    self.request.sendall(piece)
                    left -= len(piece)
                cuts.count += left == 0

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        cuts = Cuts(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield cuts
        finally:
            server.shutdown()
            thread.join()
