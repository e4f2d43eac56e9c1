"""How a job is written in the ledger: the fields of its record."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json

from core.errors import UnreadableRecord
from core.ids import from_ms, time_of_id
from core.ledger.answer import READY_SCORES, Answer, render_scores
from core.ledger.job import Job, JobError, State
from core.ledger.protocol import Claimed, NewJob, Outcome, Pause
from core.schema.patient import Row
from core.schema.score import ScoreRow

FIELDS = [b"owner", b"state", b"patients", b"started", b"finished", b"code", b"message", b"replayed_as"]
"""What is read of a record; the patients only a worker reads, and the scores only who asks for that very job."""

DUMPED_AT_ONCE = 1_024
"""Rows that are made into JSON in one go: some 0.5 ms, 2 where they are explained, in which no other thread runs."""

log = logging.getLogger(__name__)


@contextmanager
def reading_record(id: str) -> Iterator[None]:
    """Raise UnreadableRecord for whatever goes wrong in the block, which makes something of the record of this id."""
    try:
        yield
    except Exception as error:  # a record may be anything; the error's text could hold a patient's values
        log.error("the record of %s cannot be read: %s", id, type(error).__name__)
        raise UnreadableRecord from None


def job_from_record(id: str, fields: Sequence[bytes], values: Sequence[Any]) -> Job | None:
    """Return the job, without its scores, that these fields of its record describe, bytes or None each.

    Return None if there is no record.
    """
    record = dict(zip(fields, values, strict=True))
    if not record[b"state"]:
        return None
    uuid = UUID(id)
    started, finished, code = record.get(b"started"), record.get(b"finished"), record.get(b"code")
    replay = record.get(b"replayed_as")
    return Job(
        id=uuid,
        state=State(record[b"state"].decode()),
        patients=int(record[b"patients"]),
        accepted_at=time_of_id(uuid),
        started_at=from_ms(started) if started else None,
        finished_at=from_ms(finished) if finished else None,
        error=JobError(code=code.decode(), message=record[b"message"].decode()) if code else None,
        replayed_as=UUID(replay.decode()) if replay else None,
    )


def answer_from_record(id: str, found: Sequence[Any]) -> Answer | None:
    """Return the answer about a job of which the script `READ_ANSWERS` found this; None if there is no record."""
    *values, model, rows, rows_bytes = found
    job = job_from_record(id, FIELDS, values)
    if job is None:
        return None
    version = (model or b"").decode()
    return Answer(job, render_scores(from_json(rows), version) if rows else None, version, rows_bytes)


def answer_from_line(line: bytes) -> tuple[str, Answer]:
    """Return a job's id, and the answer about it that its worker has made ready, from a line that tells of its end.

    The line is that of the script `FINISH_JOBS`. Raises ValueError for any other.
    """
    id, patients, started, finished, scores = line.split(b" ", 4)
    uuid = UUID(id.decode())
    job = Job(
        id=uuid,
        state=State.SUCCEEDED,
        patients=int(patients),
        accepted_at=time_of_id(uuid),
        started_at=from_ms(started),
        finished_at=from_ms(finished),
    )
    return str(uuid), Answer(job, scores)


def asked_of(job: NewJob) -> str | int:
    """Return how a job asks to be scored, as its record has it: 0 or 1 for `explain`, then the version if it names one.

    One field for both costs a job that names none nothing.
    """
    return f"{job.explain:d} {job.model_version}" if job.model_version else int(job.explain)


def dump_rows(rows: Sequence[Row | ScoreRow], pause: Pause | None = None) -> bytes:
    """Return the JSON of a job's rows: some at a time, each after a pause, so that others get on meanwhile."""
    pieces = list[bytes]()
    for start in range(0, len(rows), DUMPED_AT_ONCE):
        if pause:
            pause()
        pieces.append(to_json(rows[start : start + DUMPED_AT_ONCE])[1:-1])
    return b"[%b]" % b",".join(pieces)


def read_claimed(id: bytes, rows: bytes, about: bytes) -> Claimed:
    """Return a job that the script claimed, as it tells of it."""
    asked, deliveries, trace, owner, awaited = about.decode().rsplit(" ", 4)
    explain, version = asked[0] == "1", asked[2:]
    suspect = int(deliveries) > 1
    return Claimed(id.decode(), from_json(rows), explain, suspect, trace or None, owner, version, awaited == "1")


def ready(outcome: Outcome) -> bytes:
    """Return the JSON of the scores, made ready for the gateway that waits for them; empty if none does, or of many."""
    if not outcome.awaited or outcome.scores is None or len(outcome.scores) > READY_SCORES:
        return b""
    return render_scores(outcome.scores, outcome.model_version)
