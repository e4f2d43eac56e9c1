"""The audit: who did what, as ids and times alone. It is only ever added to, and trimmed by age."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from redis import Redis

from core.ids import from_ms
from core.ledger.redis.keys import AUDIT, MODEL
from core.ledger.redis.running import raising_ledger_errors
from core.ledger.redis.scripts import AUDIT_MODEL

READ_AT_ONCE = 1_000

OPERATOR = "operator"
"""Stands for the prefix of a key, where something was done on the machine itself."""

WORKER = "worker"
"""Stands there for a worker that found another model released."""


class Action(StrEnum):
    """What was done. The scripts of the ledger note those of jobs and batches but `READ`."""

    SUBMIT = "submit"
    READ = "read"
    LIST = "list"
    CANCEL = "cancel"
    ERASE = "erase"
    CREATE_KEY = "create-key"
    REVOKE_KEY = "revoke-key"
    CHANGE_MODEL = "change-model"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """What the holder of a key did, to what kind of thing (job, batch, key, model), and to which of them."""

    key: str
    action: Action
    kind: str
    ids: tuple[str, ...] = ()

    def fields(self) -> dict[Any, Any]:
        """Return the deed as the audit keeps it, and as the scripts write it."""
        return {"key": self.key, "action": self.action.value, "kind": self.kind, "ids": " ".join(self.ids)}


class Audit:
    """The audit of one ledger. Every method raises LedgerUnavailable if Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._changed = redis.register_script(AUDIT_MODEL.render())

    def note(self, events: Iterable[AuditEvent]) -> None:
        """Add the deeds, in one call."""
        pipe = self._redis.pipeline(transaction=False)
        for event in events:
            pipe.xadd(AUDIT, event.fields())
        with raising_ledger_errors():
            pipe.execute()

    def note_model(self, version: str) -> None:
        """Note that this model scores from now on, unless it is the one that was noted last."""
        with raising_ledger_errors():
            self._changed(keys=[MODEL, AUDIT], args=[version, WORKER, Action.CHANGE_MODEL.value])

    def read(self, since: datetime | None = None) -> Iterator[tuple[datetime, AuditEvent]]:
        """Yield what was done since then, and when by the clock of Redis; the oldest first."""
        start = str(int(since.timestamp() * 1000)) if since else "-"
        while True:
            with raising_ledger_errors():
                found: Any = self._redis.xrange(AUDIT, start, "+", READ_AT_ONCE)
            for id, fields in found:
                words = {name.decode(): value.decode() for name, value in fields.items()}
                ids = tuple(words.pop("ids").split())
                yield (
                    from_ms(id.partition(b"-")[0]),
                    AuditEvent(words["key"], Action(words["action"]), words["kind"], ids),
                )
            if len(found) < READ_AT_ONCE:
                return
            start = f"({found[-1][0].decode()}"

    def trim(self, kept_s: float) -> None:
        """Forget what is older, but for some that stand in one block with what is not."""
        with raising_ledger_errors():
            seconds, _ = self._redis.time()
            self._redis.xtrim(AUDIT, minid=int((seconds - kept_s) * 1000), approximate=True)
