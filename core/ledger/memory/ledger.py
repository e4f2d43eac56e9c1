"""The ledger's twin in memory: keeps the same promise by the plainest means, so that the two can be held together."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from math import inf
from queue import Empty
from threading import Event

from typing_extensions import override

from core.errors import UnknownJob
from core.ids import first_id_at, is_probe_job
from core.ledger.answer import Answer
from core.ledger.job import Job, JobError, State
from core.ledger.key import ANYONE, Caller
from core.ledger.memory.record import Record
from core.ledger.memory.view import BUCKET_MS, MemoryView
from core.ledger.protocol import USUAL_PRIORITY, Claimed, JobEvent, NewJob, Outcome, Pause, SubmitResult, SubmitStatus
from core.ledger.redis.constants import SHARE_OF_FREE, TRUSTED_MS
from core.ledger.redis.keys import DAY_MS
from core.transport.message import JOBS_IN_MESSAGE, RECORDS_IN_MESSAGE, Message

LONGEST_WAIT_MS = 300_000


class MemoryLedger(MemoryView):
    """A ledger that lives as long as its process; `clock` returns milliseconds since 1970."""

    @override
    def submit(self, jobs: Sequence[NewJob]) -> SubmitResult:
        now, fresh, statuses = self._clock(), set[str](), list[tuple[SubmitStatus, str]]()
        long_polled = self._polled_until_ms > now
        for job in jobs:
            verdict, id = self._judge(job, fresh)
            if verdict is SubmitStatus.ACCEPTED and id not in self._jobs:
                self._has_new_jobs |= long_polled
                self._rows[job.by.key, now // DAY_MS] += len(job.rows)
                deadline = None if job.cancel_after_s is None else now + int(job.cancel_after_s * 1000)
                key = job.idempotency.key if job.idempotency else None
                self._waiting.add(id, job.by.key, job.priority, now)
                self._jobs[id] = Record(
                    list(job.rows),
                    len(job.rows),
                    deadline,
                    key,
                    job.explain,
                    job.by.key,
                    job.model_version,
                    callback=job.callback,
                    trace=job.trace,
                    waiter=job.waiter,
                )
                if job.idempotency:
                    fresh.add(job.idempotency.key)
                    until = now + self._settings.idempotency_ttl * 1000
                    self._keys[job.idempotency.key] = (job.idempotency.fingerprint, id, until)
            statuses.append((verdict, id))
        return SubmitResult(now, 0, statuses, long_polled)

    def _judge(self, job: NewJob, fresh: set[str]) -> tuple[SubmitStatus, str]:
        if job.id in self._jobs:
            return SubmitStatus.ACCEPTED, job.id
        held = self._keys.get(job.idempotency.key) if job.idempotency else None
        if job.idempotency and held and held[2] > self._clock():
            if held[0] != job.idempotency.fingerprint:
                return SubmitStatus.MISMATCH, job.id
            if job.idempotency.key in fresh:
                return SubmitStatus.BUSY, job.id
            return SubmitStatus.REPLAYED, held[1]
        free = self._settings.backlog_limit - self._backlog()
        if len(job.rows) > free and not is_probe_job(job.id):
            return SubmitStatus.FULL, job.id
        left, is_empty = free - len(job.rows), free == self._settings.backlog_limit
        if job.by.key and not is_empty and self._backlog(job.by.key) + len(job.rows) > SHARE_OF_FREE * left:
            return SubmitStatus.SHARE, job.id
        most, sent = job.by.limits.rows_per_day, self._rows[job.by.key, self._clock() // DAY_MS]
        fits = most is None or sent + len(job.rows) <= most
        return SubmitStatus.ACCEPTED if fits else SubmitStatus.MANY_ROWS, job.id

    @override
    def claim(self, message: Message, *, jobs: int = JOBS_IN_MESSAGE, long_poll: bool = False) -> list[Claimed]:
        taken: list[Claimed] = []
        id = message.ids[0] if message.ids else ""
        if id in self._jobs and self._jobs[id].deliveries > 0:
            self._claim_one(id, taken, RECORDS_IN_MESSAGE, inf)
            return taken
        waits = self._claim_round(taken, jobs, RECORDS_IN_MESSAGE, inf)
        enough = 0 < len(taken) < jobs and not waits and 2 * sum(len(job.rows) for job in taken) < RECORDS_IN_MESSAGE
        self._polled_until_ms = self._clock() + TRUSTED_MS if long_poll and enough else 0
        return taken

    @override
    def claim_small(self, records: int) -> list[Claimed]:
        taken: list[Claimed] = []
        self._claim_round(taken, JOBS_IN_MESSAGE, records, records)
        return taken

    def _claim_round(self, taken: list[Claimed], jobs: int, room: int, largest: float) -> bool:
        def room_for() -> int:
            return jobs - len(taken) if sum(len(job.rows) for job in taken) < room else 0

        waits = self._waiting.go_round(lambda id: self._claim_one(id, taken, room, largest), room_for)
        self._waiting.settle()
        return waits

    def _claim_one(self, id: str, taken: list[Claimed], room: int, largest: float) -> int | None:
        now, job = self._clock(), self._jobs[id]
        if job.state.ended or (job.lease_ms or 0) > now:
            return 0
        if job.deadline_ms is not None and job.deadline_ms <= now:
            self._end(job, State.EXPIRED)
            return 0
        if job.deliveries >= self._settings.deliveries_limit:
            rows = job.rows
            self._end(job, State.FAILED, error=quarantined(job.deliveries))
            job.rows = rows
            self._dead_letters.add(id)
            return 0
        if job.patients > room - sum(len(one.rows) for one in taken) and (taken or job.patients > largest):
            return None
        job.started_ms = job.started_ms or now
        job.state, job.sent_ms, job.lease_ms = State.RUNNING, None, now + int(self._settings.lease_s * 1000)
        job.deliveries += 1
        self._news.put(JobEvent(False, [id]))
        asked = (job.explain, job.deliveries > 1, job.trace, job.owner, job.model_version, bool(job.waiter))
        taken.append(Claimed(id, job.rows, *asked))
        return job.patients

    @override
    def wants_message(self) -> bool:
        return bool(self._waiting)

    @override
    def listen(self, within_s: float) -> bool:
        news, self._has_new_jobs = self._has_new_jobs, False
        return news

    @override
    def renew(self, ids: Sequence[str]) -> None:
        for job in (self._jobs[id] for id in ids if id in self._jobs):
            if job.lease_ms is not None:
                job.lease_ms = max(job.lease_ms, self._clock() + int(self._settings.lease_s * 1000))

    @override
    def finish(self, outcomes: Sequence[Outcome], pause: Pause | None = None) -> int:
        ended = 0
        for outcome in outcomes:
            job = self._jobs.get(outcome.id)
            if job is None or job.state.ended:
                continue
            job.scores, job.model = list(outcome.scores or []), outcome.model_version
            self._end(job, State.FAILED if outcome.error else State.SUCCEEDED, error=outcome.error)
            bucket = self._clock() // BUCKET_MS
            self._drained[bucket] = self._drained.get(bucket, 0) + job.patients
            if outcome.error is None:
                self._consumed_ms = self._clock()
            ended += 1
        return ended

    def _end(self, job: Record, state: State, *, error: JobError | None = None) -> None:
        job.state, job.rows, job.error, job.finished_ms = state, [], error, self._clock()
        job.sent_ms = job.lease_ms = None
        self._waiting.remove(next(id for id, one in self._jobs.items() if one is job))
        job.due_ms = job.finished_ms if job.callback else None
        [id] = [id for id, one in self._jobs.items() if one is job]
        if job.waiter and (answer := self.answer(id)).scores:
            self._news.put(JobEvent(True, [id], {id: answer}))
        self._news.put(JobEvent(True, [id]))

    @override
    def cancel(self, id: str, by: Caller = ANYONE) -> Job:
        job = self._jobs.get(id)
        if job and not job.state.ended and self._shows(id, by):
            self._end(job, State.CANCELED)
            self._waiting.settle()
        return self.read(id, by)

    @override
    def erase(self, id: str, by: Caller = ANYONE) -> None:
        self.read(id, by)
        self._waiting.remove(id)
        self._waiting.settle()
        key = self._jobs.pop(id).key or ""
        if self._keys.get(key, ("", "", 0))[1] == id:
            del self._keys[key]
        self._dead_letters.discard(id)
        self._news.put(JobEvent(True, [id]))

    @override
    def watch(self, stop: Event, waiter: str = "") -> Iterator[JobEvent[Answer] | None]:
        yield None
        while not stop.is_set():
            with suppress(Empty):
                yield self._news.get(timeout=0.05)

    @override
    def reap(self) -> list[Message]:
        now, grace, lost = self._clock(), int(self._settings.resend_after_s * 1000), list[str]()
        for id, job in self._jobs.items():
            if job.deadline_ms is not None and job.deadline_ms <= now and not job.state.ended:
                self._end(job, State.EXPIRED)
            elif job.lease_ms is not None and job.lease_ms <= now:
                job.lease_ms, job.sent_ms = None, now
                lost.append(id)
            elif job.sent_ms is not None and job.sent_ms < now - grace:
                job.resent += 1
                job.sent_ms = now + min(grace * (2 ** (job.resent - 1) - 1), LONGEST_WAIT_MS)
                lost.append(id)
        self._waiting.settle()
        turn = self._polled_until_ms <= now and self.listen(0)
        if self._waiting and self._polled_until_ms <= now:
            since = now if self._unpolled_since_ms is None else self._unpolled_since_ms
            turn |= now - since >= grace
            self._unpolled_since_ms = since if since < now < since + grace else now
        else:
            self._unpolled_since_ms = None
        return [Message(now, [id]) for id in lost] + [Message(now, [])] * turn

    @override
    def trim(self) -> None:
        self._forget()
        kept_ms = (self._settings.result_ttl + self._settings.gone_ttl) * 1000
        oldest = first_id_at(self._clock() - kept_ms)
        self._gone = {id: job for id, job in self._gone.items() if id >= oldest}

    @override
    def replay(self, id: str, new_id: str) -> Message:
        if id not in self._dead_letters:
            raise UnknownJob
        self._dead_letters.remove(id)
        old, now = self._jobs[id], self._clock()
        self._jobs[new_id] = Record(old.rows, old.patients, None, None, old.explain, old.owner, old.model_version)
        self._waiting.add(new_id, old.owner, USUAL_PRIORITY, now)
        self._jobs[id] = replace(old, rows=[], replayed_as=new_id)
        return Message(now, [])

    @override
    def drop(self, id: str) -> None:
        if id not in self._dead_letters:
            raise UnknownJob
        self._dead_letters.remove(id)
        self._jobs[id].rows = []


def quarantined(deliveries: int) -> JobError:
    """Return the error of a job that is put into quarantine."""
    reason = f"It was given to a worker {deliveries} times and none came back; an operator can replay it."
    return JobError(code="quarantined", message=reason)
