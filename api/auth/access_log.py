"""The access log: which key read what, collected for a second and then written to the audit in one call.

To write an event for each read would make each wait for a disk. If the process is killed, the collected events are
lost. Several reads of the same thing by one key within a second are one event.
"""

import asyncio
import logging
import re
from contextvars import Context
from uuid import UUID

from anyio.to_thread import run_sync

from core.errors import LedgerUnavailable
from core.ledger.redis.access.audit import Action, Audit, AuditEvent

WRITE_EVERY_S = 1.0
IDS_IN_EVENT = 1_000
PATH = re.compile(r"(?:/v1)?/(?:(job)s|(batch)es)(?:/([^/]+)(?:/[a-z]+)?)?")

log = logging.getLogger(__name__)


class AccessLog:
    """Collects read events, and writes them to the audit about a second later."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._read: dict[tuple[str, Action, str], set[str]] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, key: str, path: str) -> None:
        """Note that a key has read this path, if it is a path of jobs or batches."""
        if match := PATH.fullmatch(path):
            kind, id = match[1] or match[2], match[3]
            ids = self._read.setdefault((key, Action.READ if id else Action.LIST, kind), set())
            if id:
                ids.add(id)
            if self._writing is None or self._writing.done():
                # In an empty context, since it belongs to no single request.
                self._writing = asyncio.create_task(self._write_soon(), context=Context())

    async def close(self) -> None:
        """Write the collected events now."""
        if self._writing:
            self._writing.cancel()
        await self._write()

    async def _write_soon(self) -> None:
        while self._read:
            await asyncio.sleep(WRITE_EVERY_S)
            await asyncio.shield(self._write())

    async def _write(self) -> None:
        read, self._read = self._read, {}
        events = [
            AuditEvent(key, action, kind, tuple(chunk))
            for (key, action, kind), ids in read.items()
            for chunk in split_ids({str(UUID(id)) for id in ids})  # a client may write one id in several ways
        ]
        try:
            await run_sync(self._audit.note, events)
        except LedgerUnavailable:  # keep the events, and try again
            log.warning("what was read cannot be noted in the audit yet")
            for event, ids in read.items():
                self._read.setdefault(event, set()).update(ids)


def split_ids(ids: set[str]) -> list[list[str]]:
    """Return the ids in lists of at most 1,000; one empty list if there are none."""
    listed = sorted(ids)
    return [listed[start : start + IDS_IN_EVENT] for start in range(0, len(listed) or 1, IDS_IN_EVENT)]
