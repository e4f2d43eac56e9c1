"""Refuses new work before Redis is full, so that what was accepted always has room to be claimed and committed."""

import asyncio
from collections.abc import Callable

from contract.errors import LedgerUnavailable, MemoryFull
from contract.ledger.asking import MEMORY_RETRY_AFTER_S
from contract.ledger.survey import Server

LOOK_EVERY_S = 0.25
"""Between two looks a gateway can write down some 10 MB: lists of 4 MB take it some 0.1 s each to read."""


class Headroom:
    """How one gateway process knows whether Redis has room; it looks by itself, so that no submit waits for it.

    `survey` says how Redis stands; without it there is always room. `share` is how much of its memory may be used.
    """

    def __init__(self, survey: Callable[[], Server] | None, share: float) -> None:
        self._survey = survey
        self._share = share
        self._is_short = False

    async def keep(self) -> None:
        """Look a few times a second until canceled."""
        while self._survey:
            self._is_short = await asyncio.to_thread(is_short, self._survey, self._share)
            await asyncio.sleep(LOOK_EVERY_S)

    def check(self) -> None:
        """Raise MemoryFull where more than the share was used at the last look."""
        if self._is_short:
            raise MemoryFull(retry_after_s=MEMORY_RETRY_AFTER_S)


def is_short(survey: Callable[[], Server], share: float) -> bool:
    """Whether Redis uses more than the share of its memory; not if it does not answer, which each submit finds out."""
    try:
        server = survey()
    except LedgerUnavailable:
        return False
    return 0 < server.memory_limit_bytes * share < server.memory_bytes
