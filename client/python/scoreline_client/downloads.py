"""What is downloaded of a batch, as plans; a download that breaks off is gone on with where it broke off."""

import time
from collections.abc import Callable
from typing import Any, BinaryIO

from scoreline_client.errors import BrokenOff, ServiceAway
from scoreline_client.steps import Pause, Send, Service, Steps, ask, make_pauses

PARTIAL = 206


class Sink:
    """Writes what comes to a file, and knows how much of it there is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._began = file.tell() if file.seekable() else None
        self.bytes = 0

    def open(self, status: int) -> Callable[[bytes], None]:
        """Return what writes an answer of this status: a part goes behind what there is, a whole in place of it.

        Raises BrokenOff where what there is cannot be taken back.
        """
        if status != PARTIAL and self.bytes:
            if self._began is None:
                raise BrokenOff(f"the download broke off after {self.bytes} bytes, and must begin anew.")
            self._file.seek(self._began)
            self._file.truncate()
            self.bytes = 0
        return self._write

    def _write(self, piece: bytes) -> None:
        self._file.write(piece)
        self.bytes += len(piece)


def fetch(service: Service, request: dict[str, Any], file: BinaryIO) -> Steps[int]:
    """Write what is answered to the file, and return its size in bytes. Raises BrokenOff."""
    sink, pauses, since_s, etag = Sink(file), make_pauses(), time.monotonic(), ""
    while True:
        before = sink.bytes
        headers = {"Accept-Encoding": "identity"} | _go_on(before, etag)
        reply = yield from ask(service, Send(request | {"headers": headers}, sink=sink.open))
        if reply.whole:
            return sink.bytes
        if sink.bytes > before:
            since_s, pauses = time.monotonic(), make_pauses()
        if time.monotonic() - since_s > service.patience_s:
            raise ServiceAway(f"{service.url} breaks off again and again, after {sink.bytes} bytes")
        etag = reply.headers.get("etag", "")
        yield Pause(next(pauses))


def _go_on(begun: int, etag: str) -> dict[str, str]:
    if not begun:
        return {}
    return {"Range": f"bytes={begun}-"} | ({"If-Range": etag} if etag else {})
