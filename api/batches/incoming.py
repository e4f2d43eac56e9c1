"""Limits of an upload: how slowly it may arrive, and how much processor time it may cost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

from fastapi import Request

from core.errors import InvalidFile, UploadStalled

PIECE_BYTES = 262_144  # the server delivers some 64 KB at a time; each piece costs a switch to another thread

T = TypeVar("T")

FREE_S = 1.0
SLOWEST_BYTES_PER_S = 5_000_000
"""The slowest rate allowed, compressed and decompressed bytes added. The slowest tables (all cells quoted) are read at
some 80 MB/s."""


async def read_pieces(request: Request, idle_s: float, slowest_bytes_per_s: float) -> AsyncIterator[bytes]:
    """Yield the body in pieces of at least 256 KB; the last may be smaller.

    Raises UploadStalled if nothing arrives for `idle_s` seconds, or less than `slowest_bytes_per_s` on average during
    `idle_s` seconds of waiting; and ClientDisconnect.
    """
    buffer, stream, waited_s, received_bytes = bytearray(), request.stream(), 0.0, 0
    while True:
        started_s = time.monotonic()
        try:
            async with asyncio.timeout(idle_s):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise UploadStalled from None
        buffer += chunk or b""
        waited_s, received_bytes = waited_s + time.monotonic() - started_s, received_bytes + len(chunk or b"")
        if waited_s > idle_s:
            if received_bytes < idle_s * slowest_bytes_per_s and chunk is not None:
                raise UploadStalled
            waited_s, received_bytes = 0.0, 0
        if buffer and (chunk is None or len(buffer) >= PIECE_BYTES):
            yield bytes(buffer)
            buffer.clear()
        if chunk is None:
            return


class TimeBudget:
    """Limits the processor time that the decoders of one upload may take together, besides their own limits.

    `read_bytes` returns how many bytes have been read by now.
    """

    def __init__(self, read_bytes: Callable[[], int]) -> None:
        self._read_bytes = read_bytes
        self._spent_s = 0.0

    def run_steps(self, steps: Iterator[T]) -> Iterator[T]:
        """Yield the results of the steps, of which none may be None.

        Raises InvalidFile with code `too_costly` once all steps took a second longer than reading at 5 MB/s would.
        """
        while True:
            started_s = time.thread_time()
            step = next(steps, None)
            self._spent_s += time.thread_time() - started_s
            if self._spent_s > FREE_S + self._read_bytes() / SLOWEST_BYTES_PER_S:
                rule = "takes far longer to read than any table of its size: send it as plain CSV or JSON Lines"
                raise InvalidFile.whole("too_costly", rule)
            if step is None:
                return
            yield step
