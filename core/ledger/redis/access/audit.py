"""The audit log: who did what, as ids and times only. Events are only added, and trimmed by age."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from redis import Redis

from core.ids import from_ms
from core.ledger.redis.keys import AUDIT, MODEL
from core.ledger.redis.scripts import AUDIT_MODEL, raising_ledger_errors

READ_AT_ONCE = 1_000

OPERATOR = "operator"
"""The `key` of an event that was caused on the machine itself, with no API key."""

WORKER = "worker"
"""The `key` of an event that a worker caused, when it loaded another model."""


class Action(StrEnum):
    """What was done. The ledger's scripts write all actions on jobs and batches, except `READ`."""

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
    """One event: the key that acted, the action, the kind of object (job, batch, key, model), and the ids."""

    key: str
    action: Action
    kind: str
    ids: tuple[str, ...] = ()

    def fields(self) -> dict[Any, Any]:
        """Return the fields of the event in the stream, as the scripts write them too."""
        return {"key": self.key, "action": self.action.value, "kind": self.kind, "ids": " ".join(self.ids)}


class Audit:
    """The audit log of one ledger. Every method raises LedgerUnavailable if Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._changed = redis.register_script(AUDIT_MODEL.render())

    def note(self, events: Iterable[AuditEvent]) -> None:
        """Add the events, in one call."""
        pipe = self._redis.pipeline(transaction=False)
        for event in events:
            pipe.xadd(AUDIT, event.fields())
        with raising_ledger_errors():
            pipe.execute()

    def note_model(self, version: str) -> None:
        """Add that this model scores from now on, unless it was the last one added."""
        with raising_ledger_errors():
            self._changed(keys=[MODEL, AUDIT], args=[version, WORKER, Action.CHANGE_MODEL.value])

    def read(self, since: datetime | None = None) -> Iterator[tuple[datetime, AuditEvent]]:
        """Yield the events since then with their times by the clock of Redis, the oldest first."""
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
        """Delete older events, except some that share a block of the stream with newer ones."""
        with raising_ledger_errors():
            seconds, _ = self._redis.time()
            self._redis.xtrim(AUDIT, minid=int((seconds - kept_s) * 1000), approximate=True)
