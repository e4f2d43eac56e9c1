"""What a gateway holds in memory, and how long it lets others wait, while something is done to it."""

import http.client
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

from monitoring.processes import RESIDENT, read_stat
from tests.hostile.house import PAGE_BYTES

LOOK_EVERY_S = 0.003


@dataclass
class Gauge:
    """The most that the process held, in bytes, and the seconds that each `GET /health/live` took."""

    port: int
    pid: int
    most_bytes: int = 0
    waits_s: list[float] = field(default_factory=list)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look until the block is left, and once more."""
        ended = Event()
        thread = Thread(target=self._look, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self._weigh()

    def _look(self, ended: Event) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as line:
            while not ended.wait(LOOK_EVERY_S):
                self._weigh()
                begun_s = time.monotonic()
                try:
                    line.request("GET", "/health/live")
                    line.getresponse().read()
                except (ConnectionError, http.client.HTTPException):  # of a connection that was idle for too long
                    line.close()
                    continue
                self.waits_s.append(time.monotonic() - begun_s)

    def _weigh(self) -> None:
        if stat := read_stat(self.pid):
            self.most_bytes = max(self.most_bytes, PAGE_BYTES * int(stat[RESIDENT]))


def pour(port: int, pieces: Iterable[bytes]) -> bytes:
    """Send as much as is taken, and return what comes back until the connection is closed."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        with suppress(ConnectionResetError, BrokenPipeError):
            for piece in pieces:
                line.sendall(piece)
        with suppress(ConnectionResetError):
            while piece := line.recv(65_536):
                got += piece
    return got
