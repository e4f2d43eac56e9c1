"""A process that lives long: how it keeps its memory, and that what it writes is its user's alone to read."""

import ctypes
import gc
import logging
import os
from contextlib import suppress
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""The options' numbers. Source: malloc.h of glibc; mallopt(3)."""

LARGE_BYTES, KEPT_BYTES = 262_144, 131_072


def give_large_buffers_back() -> None:
    """Have each buffer of 256 KB and more be mapped by itself, and no more than 128 KB be kept free at the heap's end.

    Without, glibc raises the first bound to the largest buffer that was ever freed, so that after some large bodies and
    answers a process keeps tens of MB in its heaps for good (measured: 43 MB after all of tests/hostile). Another C
    library is left as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def spare_what_stays() -> None:
    """Have the garbage collector not look again at what this process has by now; to be called once it has all it keeps.

    A look at that holds up every thread, again and again: some 50 ms in a gateway while results are turned into another
    format, some 90 in a worker amid a large job (measured).
    """
    gc.collect()
    gc.freeze()


OTHERS = 0o077
"""What is taken from the mode of every file: whatever group and others may do."""

log = logging.getLogger(__name__)


def keep_private() -> None:
    """Have what this process, and those that it starts, write from now on be readable by its user alone."""
    os.umask(OTHERS)


def make_private(folder: Path) -> None:
    """Take what lies in a folder, and it itself at last, from all but their user.

    A folder that is private already is left as it is, whatever lies in it: nobody else gets in. A file system that
    refuses costs a warning.
    """
    try:
        if not folder.exists() or not folder.stat().st_mode & OTHERS:
            return
        for root, _, names in os.walk(folder, topdown=False):
            for path in (*(Path(root, name) for name in names), Path(root)):
                with suppress(FileNotFoundError):  # what comes and goes meanwhile is private
                    if not path.is_symlink():
                        path.chmod(path.stat().st_mode & ~OTHERS)
    except OSError as error:
        log.warning("%s stays readable by others: its modes cannot be changed (%s)", folder, error.strerror)
