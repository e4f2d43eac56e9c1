"""The record of a batch in the ledger: what is written, and how it is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from core.ids import from_ms, time_of_id
from core.ledger.batch import Batch, Counts, Form, NewPart
from core.ledger.job import JobError, State
from core.ledger.key import ANYONE, Caller
from core.ledger.protocol import USUAL_PRIORITY, Idempotency

FIELDS = [
    *(b"owner", b"state", b"parts", b"parts_done", b"rows", b"scored", b"rejected", b"bytes", b"lines"),
    *(b"started", b"finished", b"code", b"message"),
]


def part_id(batch: str, number: int) -> str:
    """Return the id of a part, as `part_id` in the scripts does. The ids of one batch's parts sort by number."""
    return f"{batch}.{number:06d}"


def batch_of(id: str) -> str:
    """Return the batch of a part's id; for any other text, what precedes its first dot."""
    return id.partition(".")[0]


def split_part_id(id: str) -> tuple[str, int]:
    """Return the batch and the number of a part."""
    batch, _, number = id.partition(".")
    return batch, int(number)


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch to be written, once all of its parts are in the store; `form` is the format of the file.

    With more than `rejected_limit` rejected rows it fails; None is no limit. `callback` is the URL that is called when
    it ends, `trace` the `traceparent` of its upload in our form, `by` its owner, and `priority` its urgency among the
    owner's batches, 0 to 7, the most urgent first.
    """

    id: str
    form: Form
    parts: Sequence[NewPart]
    bytes: int
    rejected_limit: int | None = None
    idempotency: Idempotency | None = None
    callback: str | None = None
    trace: str | None = None
    by: Caller = ANYONE
    priority: int = USUAL_PRIORITY


@dataclass(frozen=True, slots=True)
class ClaimedPart:
    """A part that a worker holds until its lease ends, unless the lease is renewed."""

    batch: str
    number: int
    first_line: int

    @property
    def id(self) -> str:
        """The part's id in the ledger of parts."""
        return part_id(self.batch, self.number)


@dataclass(frozen=True, slots=True)
class BegunPart:
    """The format of a part that is to be scored, the `traceparent` of its upload, if any, and its owner, or empty."""

    form: Form
    trace: str | None
    owner: str


def batch_from_record(id: str, fields: Sequence[bytes], values: Sequence[Any]) -> Batch | None:
    """Return the batch that these fields of a record describe, each bytes or None; None if there is no record."""
    record = dict(zip(fields, values, strict=True))
    if not record[b"state"]:
        return None
    started, finished = (from_ms(record[name]) if record[name] else None for name in (b"started", b"finished"))
    rows, scored, rejected, done = (int(record[name] or 0) for name in (b"rows", b"scored", b"rejected", b"parts_done"))
    spent_s = ((finished or datetime.now(UTC)) - started).total_seconds() if started else 0
    rate = rows / spent_s if rows and spent_s > 0 else None
    left_s = max(0, int(record[b"lines"]) - rows) / rate if rate else 0
    self = f"/v1/batches/{id}"
    return Batch(
        id=UUID(id),
        state=State(record[b"state"].decode()),
        counts=Counts(rows=rows, scored=scored, rejected=rejected, parts=int(record[b"parts"]), parts_done=done),
        bytes=int(record[b"bytes"]),
        rows_per_s=rate and round(rate, 1),
        ends_about=datetime.now(UTC) + timedelta(seconds=left_s) if rate and not finished else None,
        accepted_at=time_of_id(UUID(id)),
        started_at=started,
        finished_at=finished,
        error=JobError(code=record[b"code"].decode(), message=record[b"message"].decode()) if record[b"code"] else None,
        links={"self": self} | {name: f"{self}/{name}" for name in ("results", "errors", "events")},
    )
