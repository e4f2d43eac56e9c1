"""The trail of who read what: gathered for a second, then written to the audit in one call.

Reading changes nothing in the ledger, and to write for each would have each wait for a disk. What was gathered by a
process that is killed is lost; whoever asks many times within a second for the same is noted once.
"""

import asyncio
import logging
import re
from contextvars import Context
from uuid import UUID

from anyio.to_thread import run_sync

from core.errors import LedgerUnavailable
from core.ledger.redis.access.audit import Action, Audit, AuditEvent

GATHERED_S = 1.0
IDS_IN_DEED = 1_000
PATH = re.compile(r"(?:/v1)?/(?:(job)s|(batch)es)(?:/([^/]+)(?:/[a-z]+)?)?")

log = logging.getLogger(__name__)


class AccessLog:
    """Gathers what was read, and writes it down soon."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._read: dict[tuple[str, Action, str], set[str]] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, key: str, path: str) -> None:
        """Note that the holder of a key was answered what is at this path, if that is of jobs or batches."""
        if match := PATH.fullmatch(path):
            kind, id = match[1] or match[2], match[3]
            ids = self._read.setdefault((key, Action.READ if id else Action.LIST, kind), set())
            if id:
                ids.add(id)
            if self._writing is None or self._writing.done():
                self._writing = asyncio.create_task(self._write_soon(), context=Context())  # it is of no one request

    async def close(self) -> None:
        """Write down what is gathered."""
        if self._writing:
            self._writing.cancel()
        await self._write()

    async def _write_soon(self) -> None:
        while self._read:
            await asyncio.sleep(GATHERED_S)
            await asyncio.shield(self._write())

    async def _write(self) -> None:
        read, self._read = self._read, {}
        events = [
            AuditEvent(key, action, kind, tuple(some))
            for (key, action, kind), ids in read.items()
            for some in in_batches({str(UUID(id)) for id in ids})  # which may be written in several ways
        ]
        try:
            await run_sync(self._audit.note, events)
        except LedgerUnavailable:  # nothing else is read meanwhile
            log.warning("what was read cannot be noted in the audit yet")
            for what, ids in read.items():
                self._read.setdefault(what, set()).update(ids)


def in_batches(ids: set[str]) -> list[list[str]]:
    """Return the ids in lists of which none is too long; one that is empty for none."""
    listed = sorted(ids)
    return [listed[start : start + IDS_IN_DEED] for start in range(0, len(listed) or 1, IDS_IN_DEED)]
