"""The ledger's twin in memory: keeps the same promise by the plainest means, so that the two can be held together."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Event
from uuid import UUID

from pydantic_core import to_json
from typing_extensions import override

from contract.answer import READY_SCORES, Answer, render_scores
from contract.errors import ExpiredJob, UnknownJob
from contract.job import Job, JobError, State
from contract.key import ANYONE, Caller
from contract.ledger.heard import Heard
from contract.ledger.keys import DAY_MS
from contract.ledger.message import PATIENTS_IN_MESSAGE, Message, to_messages
from contract.ledger.protocol import Claimed, Ledger, NewJob, Outcome, Page, Receipt, Verdict
from contract.ledger.record import CANARY_PREFIX, first_id_at, from_ms, ms_of_id, time_of_id
from contract.ledger.redis_ledger import TRUSTED_MS
from contract.ledger.survey import Load, Survey
from contract.settings import Settings
from tests.fake_record import Record

LONGEST_WAIT_MS, BUCKET_MS = 300_000, 5_000


class MemoryLedger(Ledger):
    """A ledger that lives as long as its process; `clock` returns milliseconds since 1970."""

    def __init__(self, settings: Settings, clock: Callable[[], int]) -> None:
        self._settings = settings
        self._clock = clock
        self._jobs: dict[str, Record] = {}
        self._gone: dict[str, Record] = {}
        self._keys: dict[str, tuple[str, str, int]] = {}
        self._quarantine: set[str] = set()
        self._passed_ms, self._attended_ms, self._word = 0, 0, False
        self._consumed_ms: int | None = None
        self._rows: Counter[tuple[str, int]] = Counter()
        self._drained: dict[int, int] = {}
        self._news: SimpleQueue[Heard[Answer]] = SimpleQueue()

    @override
    def submit(self, jobs: Sequence[NewJob]) -> Receipt:
        now, fresh, verdicts = self._clock(), set[str](), list[tuple[Verdict, str]]()
        attended = self._attended_ms > now
        for job in jobs:
            verdict, id = self._judge(job, fresh)
            if verdict is Verdict.ACCEPTED and id not in self._jobs:
                self._word |= attended
                self._rows[job.by.key, now // DAY_MS] += len(job.rows)
                deadline = None if job.cancel_after_s is None else now + int(job.cancel_after_s * 1000)
                key = job.idempotency.key if job.idempotency else None
                self._jobs[id] = Record(
                    list(job.rows),
                    len(job.rows),
                    now,
                    deadline,
                    key,
                    job.explain,
                    job.by.key,
                    callback=job.callback,
                    trace=job.trace,
                    waiter=job.waiter,
                )
                if job.idempotency:
                    fresh.add(job.idempotency.key)
                    until = now + self._settings.idempotency_ttl * 1000
                    self._keys[job.idempotency.key] = (job.idempotency.fingerprint, id, until)
            verdicts.append((verdict, id))
        return Receipt(now, 0, verdicts, attended)

    def _judge(self, job: NewJob, fresh: set[str]) -> tuple[Verdict, str]:
        if job.id in self._jobs:
            return Verdict.ACCEPTED, job.id
        held = self._keys.get(job.idempotency.key) if job.idempotency else None
        if job.idempotency and held and held[2] > self._clock():
            if held[0] != job.idempotency.fingerprint:
                return Verdict.MISMATCH, job.id
            if job.idempotency.key in fresh:
                return Verdict.BUSY, job.id
            return Verdict.REPLAYED, held[1]
        if self._backlog() + len(job.rows) > self._settings.backlog_limit:
            return Verdict.FULL, job.id
        most, sent = job.by.limits.rows_per_day, self._rows[job.by.key, self._clock() // DAY_MS]
        return (Verdict.ACCEPTED if most is None or sent + len(job.rows) <= most else Verdict.MANY_ROWS), job.id

    @override
    def claim(self, message: Message, *, ahead: int = 0, attends: bool = False) -> list[Claimed]:
        now, taken, room, left = self._clock(), list[Claimed](), PATIENTS_IN_MESSAGE, False
        self._passed_ms = max(self._passed_ms, message.sent_ms if message.sent_ms <= now else 0)
        alone = len(message.ids) == 1
        suspect = alone and message.ids[0] in self._jobs and self._jobs[message.ids[0]].deliveries > 0
        looked_at = message.ids + ([] if suspect else self._waiting(ahead, message.ids))
        for id in looked_at:
            job = self._jobs.get(id)
            if job is None or job.state.ended or (job.lease_ms or 0) > now:
                continue
            if job.deadline_ms is not None and job.deadline_ms <= now:
                self._end(job, State.EXPIRED)
            elif job.deliveries >= self._settings.deliveries_limit:
                rows = job.rows
                self._end(job, State.FAILED, error=quarantined(job.deliveries))
                job.rows = rows
                self._quarantine.add(id)
            elif id not in message.ids and job.patients > room:
                left |= job.deliveries == 0
            elif job.deliveries == 0 or (alone and id in message.ids):
                room -= job.patients
                job.started_ms = job.started_ms or now
                job.state, job.sent_ms, job.lease_ms = State.RUNNING, None, now + int(self._settings.lease_s * 1000)
                job.deliveries += 1
                self._news.put(Heard(False, [id]))
                taken.append(Claimed(id, job.rows, job.explain, job.deliveries > 1, job.trace, bool(job.waiter)))
        if ahead and not suspect:
            enough = taken and not left and len(looked_at) < ahead and 2 * room > PATIENTS_IN_MESSAGE
            self._attended_ms = now + TRUSTED_MS if attends and enough else 0
        return taken

    @override
    def listen(self, within_s: float) -> bool:
        heard, self._word = self._word, False
        return heard

    def _waiting(self, count: int, named: list[str]) -> list[str]:
        waiting = sorted(
            ((-(job.sent_ms), id) for id, job in self._jobs.items() if job.sent_ms is not None), reverse=True
        )
        return [id for _, id in waiting[:count] if id not in named]

    @override
    def renew(self, ids: Sequence[str]) -> None:
        for job in (self._jobs[id] for id in ids if id in self._jobs):
            if job.lease_ms is not None:
                job.lease_ms = max(job.lease_ms, self._clock() + int(self._settings.lease_s * 1000))

    @override
    def finish(self, outcomes: Sequence[Outcome]) -> int:
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
        job.due_ms = job.finished_ms if job.callback else None
        [id] = [id for id, one in self._jobs.items() if one is job]
        if job.waiter and (answer := self.answer(id)).scores:
            self._news.put(Heard(True, [id], {id: answer}))
        self._news.put(Heard(True, [id]))

    @override
    def read(self, id: str, by: Caller = ANYONE) -> Job:
        self._forget()
        if id not in self._jobs or not self._shows(id, by):
            raise ExpiredJob if id in self._gone and by.sees in ("", self._gone[id].owner) else UnknownJob
        job, uuid = self._jobs[id], UUID(id)
        return Job(
            id=uuid,
            state=job.state,
            patients=job.patients,
            accepted_at=time_of_id(uuid),
            started_at=None if job.started_ms is None else from_ms(job.started_ms),
            finished_at=None if job.finished_ms is None else from_ms(job.finished_ms),
            error=job.error,
            replayed_as=UUID(job.replayed_as) if job.replayed_as else None,
        )

    def _forget(self) -> None:
        kept_ms = self._settings.result_ttl * 1000
        for id, job in list(self._jobs.items()):
            if job.finished_ms is not None and job.finished_ms + kept_ms <= self._clock():
                self._gone[id] = self._jobs.pop(id)

    @override
    def answer(self, id: str, by: Caller = ANYONE) -> Answer:
        job, record = self.read(id, by), self._jobs[id]
        if job.state is not State.SUCCEEDED:
            return Answer(job)
        if len(record.scores) > READY_SCORES:
            return Answer(job, None, record.model, len(self.rows(id)))
        return Answer(job, render_scores(record.scores, record.model), record.model)

    @override
    def answers(self, ids: Sequence[str]) -> dict[str, Answer]:
        self._forget()
        return {id: self.answer(id) for id in ids if id in self._jobs}

    @override
    def rows(self, id: str) -> bytes:
        return to_json(self._jobs[id].scores)

    @override
    def state(self, id: str) -> State | None:
        self._forget()
        return self._jobs[id].state if id in self._jobs else None

    @override
    def page(self, *, state: State | None, limit: int, after: str | None, by: Caller = ANYONE) -> Page[Job]:
        self._forget()
        listed = [id for id, job in self._jobs.items() if state in (None, job.state) and self._shows(id, by)]
        older = (id for id in listed if not id.startswith(CANARY_PREFIX) and (after is None or id < after))
        newest = sorted(older, reverse=True)[: limit + 1]
        found = [self.read(id) for id in newest]
        return Page(found[:limit], has_more=len(found) > limit)

    @override
    def cancel(self, id: str, by: Caller = ANYONE) -> Job:
        job = self._jobs.get(id)
        if job and not job.state.ended and self._shows(id, by):
            self._end(job, State.CANCELED)
        return self.read(id, by)

    @override
    def erase(self, id: str, by: Caller = ANYONE) -> None:
        self.read(id, by)
        key = self._jobs.pop(id).key or ""
        if self._keys.get(key, ("", "", 0))[1] == id:
            del self._keys[key]
        self._quarantine.discard(id)
        self._news.put(Heard(True, [id]))

    @override
    def watch(self, stop: Event, waiter: str = "") -> Iterator[Heard[Answer] | None]:
        yield None
        while not stop.is_set():
            with suppress(Empty):
                yield self._news.get(timeout=0.05)

    @override
    def sweep(self) -> list[Message]:
        now, grace, lost = self._clock(), int(self._settings.resend_after_s * 1000), []
        for id, job in self._jobs.items():
            if job.deadline_ms is not None and job.deadline_ms <= now and not job.state.ended:
                self._end(job, State.EXPIRED)
            elif job.lease_ms is not None and job.lease_ms <= now:
                job.lease_ms, job.sent_ms = None, now
                lost.append((id, job.patients, job.deliveries > 0))
            elif job.sent_ms is not None and job.sent_ms < self._passed_ms - grace:
                job.resent += 1
                job.sent_ms = now + min(grace * (2 ** (job.resent - 1) - 1), LONGEST_WAIT_MS)
                lost.append((id, job.patients, job.deliveries > 0))
        unheard = self._attended_ms <= now and self.listen(0)
        return to_messages(now, lost) + [Message(0, [])] * unheard

    @override
    def trim(self) -> None:
        self._forget()
        kept_ms = (self._settings.result_ttl + self._settings.gone_ttl) * 1000
        oldest = first_id_at(self._clock() - kept_ms)
        self._gone = {id: job for id, job in self._gone.items() if id >= oldest}

    @override
    def quarantined(self, *, limit: int) -> list[Job]:
        return [self.read(id) for id in sorted(self._quarantine, reverse=True)[:limit]]

    @override
    def replay(self, id: str, new_id: str) -> Message:
        if id not in self._quarantine:
            raise UnknownJob
        self._quarantine.remove(id)
        old, now = self._jobs[id], self._clock()
        self._jobs[new_id] = Record(old.rows, old.patients, now, None, None, old.explain, old.owner)
        self._jobs[id] = replace(old, rows=[], replayed_as=new_id)
        return Message(now, [new_id])

    @override
    def drop(self, id: str) -> None:
        if id not in self._quarantine:
            raise UnknownJob
        self._quarantine.remove(id)
        self._jobs[id].rows = []

    @override
    def load(self) -> Load:
        bucket = self._clock() // BUCKET_MS
        rate = max(self._drained.get(bucket - 1, 0), self._drained.get(bucket, 0)) * 1000 / BUCKET_MS
        return Load(self._backlog(), rate)

    @override
    def survey(self) -> Survey:
        jobs = [(id, job.state) for id, job in self._jobs.items() if not job.state.ended and id > CANARY_PREFIX + "~"]
        ids = {state: [id for id, at in jobs if at is state] for state in (State.QUEUED, State.RUNNING)}
        ages = {state: max(0, self._clock() - ms_of_id(min(some))) / 1000 if some else 0 for state, some in ids.items()}
        counts = {state: len(some) for state, some in ids.items()}
        return Survey(self._backlog(), counts, ages, len(self._quarantine), 0, self.consumed_lately())

    @override
    def consumed_lately(self) -> bool:
        return self._consumed_ms is not None and self._clock() < self._consumed_ms + self._settings.ready_for_s * 1000

    def _shows(self, id: str, by: Caller) -> bool:
        return by.sees in ("", self._jobs[id].owner)

    def _backlog(self) -> int:
        return sum(job.patients for job in self._jobs.values() if not job.state.ended)


def quarantined(deliveries: int) -> JobError:
    """Return the error of a job that is put into quarantine."""
    reason = f"It was given to a worker {deliveries} times and none came back; an operator can replay it."
    return JobError(code="quarantined", message=reason)
