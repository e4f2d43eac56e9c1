"""Files that exist whole and synced to disk, or not at all."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from io import FileIO
from pathlib import Path
from secrets import randbelow

PIECE_BYTES = 262_144
"""How much is written between two syncs: Redis's append-only file shares the disk, and each `fsync` of it waits for
pending writes. docs/architecture.md has measurements."""

UNFINISHED = 1_000_000_000
"""Upper bound of the number behind the `#` in the name of an unfinished file; obstore lists no such file."""


class DurableFile:
    """A file that is being written; one block is written to disk while the caller makes the next.

    Before the first block no file, and no folder, is made. Every method may raise OSError.
    """

    def __init__(self, path: Path, top: Path) -> None:
        self._path = path
        self._top = top
        self._unfinished = path.with_name(f"{path.name}#{randbelow(UNFINISHED)}")
        self._disk = ThreadPoolExecutor(1, "disk")
        self._file: FileIO | None = None
        self._written: Future[None] | None = None

    def write(self, block: bytes) -> None:
        """Write a block in the background, after waiting for the one before it."""
        if self._written:
            self._written.result()
        if not self._file:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._unfinished.open("xb", buffering=0)
        self._written = self._disk.submit(_write_in_pieces, self._file.fileno(), memoryview(block))

    def finish(self) -> None:
        """Finish the file, replacing an older one; on return, it and its folders up to `top` are synced to disk.

        Without a block, no file is made. If it raises, the unfinished file is removed.
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
        """Remove the unfinished file; it stays only if the process or the machine ends first."""
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
