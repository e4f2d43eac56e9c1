"""What comes in of an upload: pieces that are worth a change of threads, as long as they come fast enough."""

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import Request

from contract.errors import UploadStalled

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
