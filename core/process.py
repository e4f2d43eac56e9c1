"""Settings of a long-lived process: how it keeps its memory, and that only its user can read its files."""

import ctypes
import gc
import logging
import os
from contextlib import suppress
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""The options' numbers. Source: malloc.h of glibc; mallopt(3)."""

LARGE_BYTES, KEPT_BYTES = 262_144, 131_072

OTHERS = 0o077
"""The mode bits that are removed from every file: all rights of group and others."""

log = logging.getLogger(__name__)


def return_large_buffers() -> None:
    """Have malloc map each buffer of 256 KB and more by itself, and keep at most 128 KB free at the heap's end.

    Otherwise glibc raises the first limit to the largest buffer that was ever freed, so that after some large bodies
    and answers a process keeps tens of MB in its heaps for good (measured: 43 MB after all of tests/hostile). Does
    nothing for another C library.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def freeze_garbage_collector() -> None:
    """Exclude all present objects from garbage collection; call it once a process has loaded all that it keeps.

    Each scan of them would stop every thread: some 50 ms in a gateway while results are converted to another format,
    some 90 ms in a worker during a large job (measured).
    """
    gc.collect()
    gc.freeze()


def keep_private() -> None:
    """Make files that this process, and those that it starts, write from now on readable by its user only."""
    os.umask(OTHERS)


def make_private(folder: Path) -> None:
    """Remove the rights of group and others from the files in a folder, and last from the folder.

    A folder that is private already is left as it is, with all its files: nobody else can enter it. A file system that
    refuses causes a warning.
    """
    try:
        if not folder.exists() or not folder.stat().st_mode & OTHERS:
            return
        for root, _, names in os.walk(folder, topdown=False):
            for path in (*(Path(root, name) for name in names), Path(root)):
                with suppress(FileNotFoundError):  # a file that comes and goes meanwhile is private
                    if not path.is_symlink():
                        path.chmod(path.stat().st_mode & ~OTHERS)
    except OSError as error:
        log.warning("%s stays readable by others: its modes cannot be changed (%s)", folder, error.strerror)
