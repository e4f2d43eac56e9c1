"""What comes in of an upload: pieces that come fast enough, and how long one may be worked on at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

from fastapi import Request

from core.errors import InvalidFile, UploadStalled

GATHER_BYTES = 262_144  # a body comes in pieces of some 64 KB, each of which would cost a change of threads


async def gather(request: Request, idle_s: float, slowest_bytes_per_s: float) -> AsyncIterator[bytes]:
    """Yield the body in pieces of at least 256 KB but for the last.

    Raises UploadStalled where nothing comes for `idle_s`, or too little in as many seconds of waiting for it; and
    ClientDisconnect.
    """
    held, stream, waited_s, came_bytes = bytearray(), request.stream(), 0.0, 0
    while True:
        begun_s = time.monotonic()
        try:
            async with asyncio.timeout(idle_s):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise UploadStalled from None
        held += chunk or b""
        waited_s, came_bytes = waited_s + time.monotonic() - begun_s, came_bytes + len(chunk or b"")
        if waited_s > idle_s:
            if came_bytes < idle_s * slowest_bytes_per_s and chunk is not None:
                raise UploadStalled
            waited_s, came_bytes = 0.0, 0
        if held and (chunk is None or len(held) >= GATHER_BYTES):
            yield bytes(held)
            held.clear()
        if chunk is None:
            return


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
