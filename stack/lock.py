"""The lock: one `up` of a checkout at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.errors import AlreadyUp


@contextmanager
def hold_lock(path: Path) -> Iterator[int]:
    """Hold the lock in the file at `path`, and yield its descriptor. Raises AlreadyUp if another holds it.

    A child that inherits the descriptor holds the lock too, until it ends: so an `up` that was killed has not gone
    before its supervisord has.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyUp(_describe(int(os.read(descriptor, 20) or 0))) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield descriptor
    finally:
        os.close(descriptor)


def _describe(holder: int) -> str:
    try:
        os.kill(holder, 0)
    except ProcessLookupError:
        return "An earlier `up` of this checkout was killed and its programs are still stopping: try again in seconds."
    return f"An earlier `up` of this checkout is still running (process {holder}): use it, or stop it with Ctrl-C."
