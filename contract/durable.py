"""Files that are whole, and on the disk, or not there."""

import os
from contextlib import suppress
from pathlib import Path
from secrets import randbelow

PIECE_BYTES = 262_144
"""What is synced at a time: the log of Redis shares the disk, and each `fsync` of it waits for what is being written.
docs/architecture.md has what was measured."""

UNFINISHED = 1_000_000_000
"""Numbers behind a `#` in the name of a file that is being written; obstore lists no such file."""


def write_durably(path: Path, data: bytes, top: Path) -> None:
    """Write a file over one that is there; on return the disk has it, its name and the folders above it up to `top`.

    Folders are made as needed. Raises OSError; then nothing of it is left, unless the process or the machine ended.
    """
    unfinished = path.with_name(f"{path.name}#{randbelow(UNFINISHED)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with unfinished.open("xb", buffering=0) as file, memoryview(data) as rest:
            _write_in_pieces(file.fileno(), rest)
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
    for folder in path.parents:
        _sync(folder)
        if folder == top:
            return


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
