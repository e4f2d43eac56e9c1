"""Files that are whole, and on the disk, or not there."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from io import FileIO
from pathlib import Path
from secrets import randbelow

PIECE_BYTES = 262_144
"""What is synced at a time: the log of Redis shares the disk, and each `fsync` of it waits for what is being written.
docs/architecture.md has what was measured."""

UNFINISHED = 1_000_000_000
"""Numbers behind a `#` in the name of a file that is being written; obstore lists no such file."""


class DurableFile:
    """A file that is being written; the disk takes a block of it while the next one is made.

    Nothing is there under its name, and no folder is made, before the first block. Raises OSError from every method.
    """

    def __init__(self, path: Path, top: Path) -> None:
        self._path = path
        self._top = top
        self._unfinished = path.with_name(f"{path.name}#{randbelow(UNFINISHED)}")
        self._disk = ThreadPoolExecutor(1, "disk")
        self._file: FileIO | None = None
        self._written: Future[None] | None = None

    def write(self, block: bytes) -> None:
        """Have a block written, once those before it are."""
        if self._written:
            self._written.result()
        if not self._file:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._unfinished.open("xb", buffering=0)
        self._written = self._disk.submit(_write_in_pieces, self._file.fileno(), memoryview(block))

    def finish(self) -> None:
        """Put the file in place of one that is there; on return the disk has it, its name and the folders up to `top`.

        Without a block there is no file. If it raises, nothing is left of what was written.
        """
        try:
            if self._written:
                self._written.result()
            self._close()
            if self._file:
                self._unfinished.replace(self._path)
        except BaseException:
            self.abandon()
            raise
        if self._file:
            for folder in self._path.parents:
                _sync(folder)
                if folder == self._top:
                    return

    def abandon(self) -> None:
        """Leave nothing of what was written, unless the process or the machine ends first."""
        self._close()
        with suppress(OSError):
            self._unfinished.unlink()

    def _close(self) -> None:
        self._disk.shutdown()
        if self._file:
            self._file.close()


def _write_in_pieces(handle: int, data: memoryview) -> None:
    at = 0
    while at < len(data):
        at += os.write(handle, data[at : at + PIECE_BYTES])
        os.fdatasync(handle)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
