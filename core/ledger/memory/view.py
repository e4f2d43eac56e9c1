"""What the ledger's twin in memory holds, and how it is looked at."""

from collections import Counter
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from uuid import UUID

from pydantic_core import to_json
from typing_extensions import override

from core.errors import ExpiredJob, UnknownJob
from core.ids import PROBE_JOB_PREFIX, from_ms, ms_of_id, time_of_id
from core.ledger.answer import READY_SCORES, Answer, render_scores
from core.ledger.job import Job, State
from core.ledger.key import ANYONE, Caller
from core.ledger.memory.record import Record
from core.ledger.memory.waiting import Waiting
from core.ledger.protocol import JobEvent, Ledger, Page
from core.ledger.stats import Load, QueueStats
from core.settings import Settings

BUCKET_MS = 5_000


class MemoryView(Ledger):
    """The half of the twin that looks; `clock` returns milliseconds since 1970."""

    def __init__(self, settings: Settings, clock: Callable[[], int]) -> None:
        self._settings = settings
        self._clock = clock
        self._jobs: dict[str, Record] = {}
        self._gone: dict[str, Record] = {}
        self._keys: dict[str, tuple[str, str, int]] = {}
        self._dead_letters: set[str] = set()
        self._waiting = Waiting()
        self._polled_until_ms, self._has_new_jobs = 0, False
        self._unpolled_since_ms: int | None = None
        self._consumed_ms: int | None = None
        self._rows: Counter[tuple[str, int]] = Counter()
        self._drained: dict[int, int] = {}
        self._news: SimpleQueue[JobEvent[Answer]] = SimpleQueue()

    @override
    def read(self, id: str, by: Caller = ANYONE) -> Job:
        self._forget()
        if id not in self._jobs or not self._shows(id, by):
            raise ExpiredJob if id in self._gone and by.visible_owner in ("", self._gone[id].owner) else UnknownJob
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
        older = (id for id in listed if not id.startswith(PROBE_JOB_PREFIX) and (after is None or id < after))
        newest = sorted(older, reverse=True)[: limit + 1]
        found = [self.read(id) for id in newest]
        return Page(found[:limit], has_more=len(found) > limit)

    @override
    def dead_letters(self, *, limit: int) -> list[Job]:
        return [self.read(id) for id in sorted(self._dead_letters, reverse=True)[:limit]]

    @override
    def load(self) -> Load:
        bucket = self._clock() // BUCKET_MS
        rate = max(self._drained.get(bucket - 1, 0), self._drained.get(bucket, 0)) * 1000 / BUCKET_MS
        return Load(self._backlog(), rate)

    @override
    def read_stats(self) -> QueueStats:
        jobs = [
            (id, job.state) for id, job in self._jobs.items() if not job.state.ended and id > PROBE_JOB_PREFIX + "~"
        ]
        ids = {state: [id for id, at in jobs if at is state] for state in (State.QUEUED, State.RUNNING)}
        ages = {state: max(0, self._clock() - ms_of_id(min(some))) / 1000 if some else 0 for state, some in ids.items()}
        counts = {state: len(some) for state, some in ids.items()}
        return QueueStats(self._backlog(), counts, ages, len(self._dead_letters), 0, self.consumed_lately())

    @override
    def consumed_lately(self) -> bool:
        return self._consumed_ms is not None and self._clock() < self._consumed_ms + self._settings.ready_for_s * 1000

    def _shows(self, id: str, by: Caller) -> bool:
        return by.visible_owner in ("", self._jobs[id].owner)

    def _backlog(self, owner: str | None = None) -> int:
        ours = (job for job in self._jobs.values() if owner in (None, job.owner))
        return sum(job.patients for job in ours if not job.state.ended)
