"""The file that is uploaded: how it is written, and its bytes as they are read, from the beginning for each attempt."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from scoreline_client.errors import BrokenOff
from scoreline_client.options import FileOptions, OnProgress, Progress

PIECE_BYTES = 262_144
LINES = {".jsonl", ".ndjson"}


class Source:
    """A file on disk, or one that is open for reading; a pipe can be read only once."""

    def __init__(self, file: Path | BinaryIO, options: FileOptions, on_progress: OnProgress) -> None:
        """Look at the file. Raises OSError for a path that leads to none."""
        self._file = file
        self._on_progress = on_progress
        self._begun = False
        self.sent_bytes = 0
        """Of the attempt that goes on."""
        self.size_bytes = _size_of(file)
        """None for a pipe."""
        name = str(file if isinstance(file, Path) else getattr(file, "name", "")).lower()
        packed = options.get("gzip", name.endswith(".gz"))
        lines = options.get("format", "jsonl" if Path(name.removesuffix(".gz")).suffix in LINES else "csv") == "jsonl"
        self.headers = {"Content-Type": "application/x-ndjson" if lines else "text/csv"}
        if packed:
            self.headers["Content-Encoding"] = "gzip"
        if self.size_bytes is not None:
            self.headers["Content-Length"] = str(self.size_bytes)

    def open(self) -> Iterator[bytes]:
        """Yield the bytes from the beginning. Raises BrokenOff for a pipe that was read before."""
        if self._begun and self.size_bytes is None:
            raise BrokenOff("the upload broke off, and what it was read from cannot be read again: send it once more.")
        self._begun = True
        self.sent_bytes = 0
        with ExitStack() as stack:
            file = stack.enter_context(self._file.open("rb")) if isinstance(self._file, Path) else self._file
            if self.size_bytes is not None:
                file.seek(0)
            while piece := file.read(PIECE_BYTES):
                yield piece
                self.sent_bytes += len(piece)
                self._on_progress(Progress(self.sent_bytes, self.size_bytes, None))


def _size_of(file: Path | BinaryIO) -> int | None:
    if isinstance(file, Path):
        return file.stat().st_size if file.is_file() else None
    return file.seek(0, 2) if file.seekable() else None
