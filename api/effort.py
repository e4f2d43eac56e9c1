"""The effort of reading an upload: how long the thread may work on one that reads all of them."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from contract.errors import InvalidFile

T = TypeVar("T")

FREE_S = 1.0
SLOWEST_BYTES_PER_S = 5_000_000
"""Of what comes and what it stands for. The slowest tables, where each cell is quoted, are read at some 80 MB/s."""


class Effort:
    """What one upload has cost of a processor's time, whatever decoder took it.

    The last bound of all decoders, each of which has its own: none is to take long for little. `read_bytes` says how
    much was read by now.
    """

    def __init__(self, read_bytes: Callable[[], int]) -> None:
        self._read_bytes = read_bytes
        self._spent_s = 0.0

    def metered(self, steps: Iterator[T]) -> Iterator[T]:
        """Yield what the steps give, none of which is None.

        Raises InvalidFile with code `too_costly` once all of them took a second longer than 5 MB/s do.
        """
        while True:
            begun_s = time.thread_time()
            step = next(steps, None)
            self._spent_s += time.thread_time() - begun_s
            if self._spent_s > FREE_S + self._read_bytes() / SLOWEST_BYTES_PER_S:
                rule = "takes far longer to read than any table of its size: send it as plain CSV or JSON Lines"
                raise InvalidFile.whole("too_costly", rule)
            if step is None:
                return
            yield step
