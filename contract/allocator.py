"""How a process that lives long keeps its memory: what the C library gives back, and what the collector looks at."""

import ctypes
import gc

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
