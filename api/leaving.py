"""Sees that a client has left, so that no one goes on waiting for it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request

from api.notices import Notice
from contract.answer import Answer

LOOK_AFTER_S = 1.0  # most waits are over by then, and cost nothing more


@contextmanager
def dismissed_when_gone(notice: Notice[Answer], request: Request) -> Iterator[None]:
    """Dismiss the notice if the client goes while the block runs. The request's body must have been read."""
    watch: asyncio.Task[None] | None = None

    async def look() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        notice.dismiss()

    def begin() -> None:
        nonlocal watch
        watch = asyncio.create_task(look())

    due = asyncio.get_running_loop().call_later(LOOK_AFTER_S, begin)
    try:
        yield
    finally:
        due.cancel()
        if watch:
            watch.cancel()
