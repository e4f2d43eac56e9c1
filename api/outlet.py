"""A file that is written in one thread, and taken in pieces as it grows by whoever iterates over it."""

import io
from collections.abc import Callable, Iterator
from queue import Empty, Queue
from threading import Thread

from typing_extensions import Buffer

PIECE_BYTES = 262_144
PIECES = 2  # that wait to be taken; then the writer waits


class Outlet(io.RawIOBase):
    """What is written to. Once `left`, nobody takes any more: the writer should end, and what it writes is dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.left = False
        self._held = bytearray()
        self._pieces: Queue[bytes] = Queue(PIECES)

    def writable(self) -> bool:
        """Say that it is."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Take all of the data. Waits while enough is there to be taken."""
        self._held += data
        if len(self._held) >= PIECE_BYTES:
            self._put(bytes(self._held))
            self._held.clear()
        return memoryview(data).nbytes

    def end(self, whole: bool) -> None:
        """Say that nothing more comes; what is held goes out before, if the file is whole."""
        if self._held and whole:
            self._put(bytes(self._held))
        self._put(b"")

    def take(self) -> bytes:
        """Return the next piece, once there is one; nothing after the last."""
        return self._pieces.get()

    def leave(self) -> None:
        """Take no more, and let a writer go on that waits."""
        self.left = True
        try:
            while True:
                self._pieces.get_nowait()
        except Empty:
            return

    def _put(self, piece: bytes) -> None:
        if not self.left:
            self._pieces.put(piece)


def taken_from(write: Callable[[Outlet], None]) -> Iterator[bytes]:
    """Yield what `write` writes to the outlet that it is given, in a thread of its own. Raises what it does.

    If this is closed before it ends, the outlet is `left`.
    """
    outlet, failed = Outlet(), list[BaseException]()

    def run() -> None:
        try:
            write(outlet)
        except BaseException as error:  # a panic of a Rust library is no Exception
            failed.append(error)
        finally:
            outlet.end(whole=not failed)

    Thread(target=run, name="outlet", daemon=True).start()
    try:
        while piece := outlet.take():
            yield piece
    finally:
        outlet.leave()
    if failed:
        raise failed[0]
