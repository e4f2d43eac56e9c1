"""The ledger of batches: a batch is a record, and its parts are jobs in a ledger of their own.

Each message has one part claimed: a part is large.
"""

from collections.abc import Callable, Iterator, Sequence
from threading import Event
from typing import Any

from redis import Redis

from core.errors import ExpiredBatch, UnknownBatch
from core.ledger.batch import Batch, DonePart, Form
from core.ledger.job import JobError
from core.ledger.key import ANYONE, Caller
from core.ledger.protocol import JobEvent, SubmitStatus
from core.ledger.redis import scripts
from core.ledger.redis.batch_record import (
    FIELDS,
    BegunPart,
    ClaimedPart,
    NewBatch,
    batch_from_record,
    batch_of,
    split_part_id,
)
from core.ledger.redis.keys import BATCHES, DONE, PARTS, TRASH
from core.ledger.redis.ledger import RedisLedger
from core.ledger.redis.scripts import Script, Scripts
from core.ledger.redis.view import Lost, RecordKind, RedisView
from core.ledger.stats import Load, QueueStats
from core.settings import Settings
from core.transport.message import Message

QUARANTINED = "A part of the file was given to workers too often and none came back; the other results are there."
DELETED_AT_ONCE = 1_000
LATE_S = 30  # this long after the time limit of a part, no worker writes any result of it


BATCH = RecordKind(FIELDS, batch_from_record, UnknownBatch, ExpiredBatch)


class Batches(RedisView[Batch]):
    """Makes the promise of `Ledger` for batches; every change is one script.

    Every method raises LedgerUnavailable if the ledger does not answer. `read`, `read_all` and `page` are inherited.
    """

    def __init__(
        self, redis: Redis, settings: Settings, clock: Callable[[], int] | None = None, lost: Lost | None = None
    ) -> None:
        super().__init__(redis, settings, clock, BATCHES, BATCH, lost)
        self._parts = RedisLedger(redis, settings, clock, PARTS)
        self._ttl_ms = settings.result_ttl * 1000
        self._scripts = Scripts(redis, PARTS)

    def hold(self, id: str, for_s: float, again: bool = False) -> bool:
        """Keep the objects of an upload for so long; then they are deleted, unless it is held again or created.

        Return False if it is held `again` too late: its objects may be deleted, so it can no longer become a batch.
        """
        return bool(self._run(scripts.HOLD_UPLOAD, int(for_s * 1000), id, int(again)))

    def create(self, batch: NewBatch) -> tuple[SubmitStatus, str, list[Message]]:
        """Write the batch and its parts, in one step; return its status, its id, and the messages to send.

        Status and id are those of `Ledger.submit`; MANY_BATCHES if the owner has as many open batches as the key
        allows; GIVEN_UP if the upload was not held in time, so that its objects are deleted.
        """
        key = (batch.idempotency.key, batch.idempotency.fingerprint) if batch.idempotency else ("", "")
        rejected_limit = "" if batch.rejected_limit is None else batch.rejected_limit
        lines = sum(part.lines for part in batch.parts)
        flat = [number for part in batch.parts for number in (part.number, part.first_line, part.lines)]
        limits = (self._settings.bulk_backlog_limit, self._settings.idempotency_ttl * 1000)
        options, allowed = (batch.callback or "", batch.trace or ""), batch.by.limits
        owner = (batch.by.key, allowed.rows_per_day or "", allowed.batches_at_once or "", batch.priority)
        form = batch.form.to_json()
        args = (*limits, batch.id, *key, form, batch.bytes, lines, rejected_limit, *options, *owner, *flat)
        sent_ms, status_text, id = self._run(scripts.CREATE_BATCH, *args)
        status = SubmitStatus(status_text.decode())
        return status, id.decode(), [Message(sent_ms, [])] * (status is SubmitStatus.ACCEPTED)

    def claim(self, message: Message) -> list[ClaimedPart]:
        """Claim a part for one lease, as `Ledger.claim` does: the one that the message names, or the next to score."""
        claimed = self._parts.claim(message, jobs=1)
        return [ClaimedPart(*split_part_id(part.id), int(str(part.rows))) for part in claimed]

    def wants_message(self) -> bool:
        """Whether parts wait and no message is in the queue, as `Ledger.wants_message` does."""
        return self._parts.wants_message()

    def begin(self, part: ClaimedPart) -> BegunPart | None:
        """Return the format, trace and owner of a part that is about to be scored; None if its batch has ended."""
        begun = self._run(scripts.BEGIN_PART, part.batch)
        if begun is None:
            return None
        form, trace, owner = begun
        return BegunPart(Form.from_json(form), trace.decode() or None, owner.decode())

    def renew(self, parts: Sequence[ClaimedPart]) -> None:
        """Extend the leases of those of the parts that are still held to a whole lease from now."""
        self._parts.renew([part.id for part in parts])

    def put_back(self, part: ClaimedPart, wait_s: float) -> None:
        """Put a claimed part back, to be sent again after so many seconds; its delivery does not count."""
        wait_ms = int((wait_s - self._settings.resend_after_s) * 1000)
        self._run(scripts.PUT_BACK_PART, wait_ms, part.id)

    def finish(self, part: ClaimedPart, done: DonePart) -> bool:
        """Write the result of a part, and end its batch if it is the last; return False if that was done before."""
        counts = (done.rows, done.scored, done.rejected, done.results_bytes, done.errors_bytes, done.attempt)
        error = ("too-many-rejected", "More rows were rejected than `error_limit` allows; see the batch's errors.")
        return bool(self._run(scripts.FINISH_PART, self._ttl_ms, part.batch, part.number, *counts, *error))

    def done(self, id: str) -> dict[int, DonePart]:
        """Return the result of each part that is done, by its number."""
        found = self._ask(lambda redis: redis.hgetall(DONE + id))
        names = list(DonePart.model_fields)
        return {
            int(number): DonePart.model_validate(dict(zip(names, counts.decode().split(), strict=True)))
            for number, counts in found.items()
        }

    def form(self, id: str, by: Caller = ANYONE) -> Form:
        """Return the format of the batch's file. Raises as `read` does."""
        form, owner = self._ask(lambda redis: redis.hmget(BATCHES.job + id, ["form", "owner"]))
        if form is None or by.visible_owner.encode() not in (b"", owner):
            raise self._explain_absence(id, by.visible_owner)
        return Form.from_json(form)

    def load(self) -> Load:
        """Return how many lines of files wait, and how many rows were scored per second of late."""
        return self._parts.load()

    def read_stats(self) -> QueueStats:
        """Return the numbers of the ledger of parts, as `Ledger.read_stats` does; a record is a line of a file."""
        return self._parts.read_stats()

    def cancel(self, id: str, by: Caller = ANYONE) -> Batch:
        """End the batch as canceled if it has not ended, and return it as it then is. Raises as `read` does."""
        self._run(scripts.CANCEL_BATCH, self._ttl_ms, id, by.visible_owner, by.key)
        return self.read(id, by)

    def fail(self, id: str, error: JobError) -> None:
        """End the batch as failed if it has not ended; the results of finished parts stay."""
        self._run(scripts.FAIL_BATCH, self._ttl_ms, id, error.code, error.message)

    def erase(self, id: str, by: Caller = ANYONE) -> None:
        """Remove every trace of the batch from the ledger, and schedule its objects for deletion.

        Raises as `read` does.
        """
        deleted_again_ms = int(1000 * (self._settings.part_limit_s + LATE_S))
        if not self._run(scripts.ERASE_BATCH, id, deleted_again_ms, by.visible_owner, by.key):
            self.read(id, by)

    def watch(self, stop: Event) -> Iterator[JobEvent[Batch] | None]:
        """Yield events of the batches whose parts have begun or ended, as `Ledger.watch` does for jobs."""
        for event in self._parts.watch(stop):
            yield JobEvent(True, list({batch_of(id) for id in event.ids})) if event else None

    def reap(self) -> list[Message]:
        """Return the messages to send for lost parts, as `Ledger.reap` does; fail batches with a dead-lettered part."""
        lost = self._parts.reap()
        self._run(scripts.FAIL_DEAD_LETTERED_BATCHES, self._ttl_ms, QUARANTINED)
        return lost

    def trim(self) -> None:
        """Forget the expired batches and parts that have been answered 410 for their time, as `Ledger.trim` does."""
        for keys in (PARTS, BATCHES):
            RedisLedger(self._redis, self._settings, self._clock, keys).trim()

    def list_trash(self) -> list[str]:
        """Return ids whose objects are to be deleted from the store; some end with a slash."""
        return [id.decode() for id in self._run(scripts.LIST_TRASH, DELETED_AT_ONCE)]

    def find_strays(self, ids: Sequence[str]) -> list[str]:
        """Return those of the ids that belong to no batch and no upload, and are not scheduled for deletion."""
        pipe = self._redis.pipeline(transaction=False)
        for id in ids:
            pipe.exists(BATCHES.job + id)
            pipe.zscore(TRASH, id)
        found = self._ask(lambda _: pipe.execute())
        return [id for id, exists, due in zip(ids, found[::2], found[1::2], strict=True) if not exists and due is None]

    def note_deleted(self, id: str) -> None:
        """Note that the objects of the id are deleted."""
        self._run(scripts.FORGET_TRASH, id)

    def _run(self, script: Script, *args: str | bytes | int) -> Any:
        return self._ask(lambda _: self._scripts.run(script, self._now(), *args))
