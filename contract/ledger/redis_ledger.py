"""The ledger over Redis or Valkey."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Event
from typing import Any

from pydantic_core import from_json, to_json
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import RedisError
from typing_extensions import override

from contract.errors import ExpiredJob, LedgerUnavailable, UnknownJob
from contract.job import Job, State
from contract.ledger import scripts
from contract.ledger.listening import listen
from contract.ledger.message import PATIENTS_IN_MESSAGE, Message, to_messages
from contract.ledger.protocol import Claimed, Ledger, Load, NewJob, Outcome, Page, Receipt, Verdict
from contract.ledger.record import FIELDS, LISTED_FIELDS, first_id_at, job_from_record, new_id
from contract.settings import Settings

FIRST_LISTED = "[" + first_id_at(1 << 16)  # above the id of every canary
SWEPT_AT_ONCE = 10_000
LISTED_AT_ONCE, LISTING_ROUNDS = 1_000, 100
ENDED = [state.value for state in State if state.ended]


class RedisLedger(Ledger):
    """A ledger kept in one Redis; every change is one script, so that it happens whole or not at all.

    `clock` returns milliseconds since 1970 and is for tests; without it the clock of Redis is used, so that a
    machine whose clock is wrong does no harm.
    """

    def __init__(self, redis: Redis, settings: Settings, clock: Callable[[], int] | None = None) -> None:
        self._redis = redis
        self._settings = settings
        self._clock = clock
        self._ttl_ms = settings.result_ttl * 1000
        self._scripts: dict[str, Script] = {}

    @override
    def submit(self, jobs: Sequence[NewJob]) -> Receipt:
        args: list[str | bytes | int] = [
            self._settings.backlog_limit,
            self._settings.idempotency_ttl * 1000,
        ]
        for job in jobs:
            deadline_ms = "" if job.cancel_after_s is None else int(job.cancel_after_s * 1000)
            args += [job.id, to_json(job.rows), len(job.rows), deadline_ms]
            args += [job.idempotency.key, job.idempotency.fingerprint] if job.idempotency else ["", ""]
        sent_ms, bells, *answers = self._run(scripts.SUBMIT, self._now(), *args)
        pairs = zip(answers[::2], answers[1::2], strict=True)
        return Receipt(sent_ms, bells, [(Verdict(verdict.decode()), id.decode()) for verdict, id in pairs])

    @override
    def claim(self, message: Message, *, ahead: int = 0) -> list[Claimed]:
        lease_ms = int(self._settings.lease_s * 1000)
        limits = (lease_ms, self._settings.deliveries_limit, self._ttl_ms)
        room = (ahead, PATIENTS_IN_MESSAGE, new_id())  # the id names this claim, should it be sent again
        taken = self._run(scripts.CLAIM, self._now(), *limits, message.sent_ms, *room, *message.ids)
        pairs = zip(taken[::2], taken[1::2], strict=True)
        return [Claimed(id.decode(), from_json(rows)) for id, rows in pairs]

    @override
    def renew(self, ids: Sequence[str]) -> None:
        self._run(scripts.RENEW, self._now(), int(self._settings.lease_s * 1000), *ids)

    @override
    def finish(self, outcomes: Sequence[Outcome]) -> int:
        args: list[str | bytes] = []
        for outcome in outcomes:
            code, text = (outcome.error.code, outcome.error.message) if outcome.error else ("", "")
            args += [outcome.id, to_json(outcome.scores), outcome.model_version, code, text]
        return int(self._run(scripts.FINISH, self._now(), self._ttl_ms, int(self._settings.ready_for_s * 1000), *args))

    @override
    def read(self, id: str) -> Job:
        job = job_from_record(id, FIELDS, self._ask(lambda redis: redis.hmget(scripts.JOB + id, FIELDS)))
        if not job:
            raise ExpiredJob if self._was_kept(id) else UnknownJob
        return job

    @override
    def state(self, id: str) -> State | None:
        state = self._ask(lambda redis: redis.hget(scripts.JOB + id, "state"))
        return State(state.decode()) if state else None

    @override
    def page(self, *, state: State | None, limit: int, after: str | None) -> Page:
        found: list[Job] = []
        older_than, count = f"({after}" if after else "+", limit + 1
        for _ in range(LISTING_ROUNDS):
            ids = self._newest(older_than, [state] if state else list(State), count)
            found += self._read_all(ids)
            if len(found) > limit or len(ids) < count:
                break
            older_than, count = f"({ids[-1]}", max(count, LISTED_AT_ONCE)  # what follows is mostly gone
        return Page(found[:limit], has_more=len(found) > limit)

    @override
    def cancel(self, id: str) -> Job:
        self._run(scripts.CANCEL, self._now(), self._ttl_ms, id)
        return self.read(id)

    @override
    def erase(self, id: str) -> None:
        if not self._run(scripts.ERASE, id):
            self.read(id)

    @override
    def watch(self, stop: Event) -> Iterator[list[str] | None]:
        return listen(self._redis, stop)

    @override
    def sweep(self) -> list[Message]:
        grace_ms = int(self._settings.resend_after_s * 1000)
        sent_ms, *lost = self._run(scripts.SWEEP, self._now(), grace_ms, self._ttl_ms, SWEPT_AT_ONCE)
        triples = zip(lost[::3], lost[1::3], lost[2::3], strict=True)
        return to_messages(sent_ms, [(id.decode(), int(n), int(tries) > 0) for id, n, tries in triples])

    @override
    def trim(self) -> None:
        gone_before_ms = self._ms() - self._ttl_ms - self._settings.gone_ttl * 1000
        oldest = first_id_at(gone_before_ms)
        while self._run(scripts.TRIM, oldest, SWEPT_AT_ONCE, *ENDED) >= SWEPT_AT_ONCE:
            pass

    @override
    def quarantined(self, *, limit: int) -> list[Job]:
        ids = self._ask(lambda redis: redis.zrange(scripts.QUARANTINE, 0, limit - 1, desc=True))
        return self._read_all(id.decode() for id in ids)

    @override
    def replay(self, id: str, new_id: str) -> Message:
        sent_ms = self._run(scripts.REPLAY, self._now(), id, new_id)
        if sent_ms is None:
            raise UnknownJob
        return Message(sent_ms, [new_id])

    @override
    def drop(self, id: str) -> None:
        if not self._run(scripts.DROP, id):
            raise UnknownJob

    @override
    def load(self) -> Load:
        bucket = self._ms() // scripts.DRAIN_BUCKET_MS
        keys = [scripts.BACKLOG, f"{scripts.DRAINED}{bucket - 1}", f"{scripts.DRAINED}{bucket}"]
        backlog, last, current = (int(value or 0) for value in self._ask(lambda redis: redis.mget(keys)))
        return Load(backlog, max(last, current) * 1000 / scripts.DRAIN_BUCKET_MS)

    @override
    def consumed_lately(self) -> bool:
        _, scored = self._ask(lambda redis: (redis.set(scripts.PROBE, 1, ex=1), redis.exists(scripts.CONSUMED)))
        return bool(scored)

    def _now(self) -> int | str:
        return self._clock() if self._clock else ""

    def _ms(self) -> int:
        if self._clock:
            return self._clock()
        seconds, microseconds = self._ask(lambda redis: redis.time())
        return int(seconds) * 1000 + int(microseconds) // 1000

    def _newest(self, older_than: str, states: Iterable[State], count: int) -> list[str]:
        pipe = self._redis.pipeline(transaction=True)  # or a job that moves meanwhile would be seen twice
        for state in states:
            pipe.zrevrangebylex(scripts.INDEX + state, older_than, FIRST_LISTED, 0, count)
        ids = (id.decode() for page in self._ask(lambda _: pipe.execute()) for id in page)
        return sorted(ids, reverse=True)[:count]

    def _read_all(self, ids: Iterable[str]) -> list[Job]:
        wanted = list(ids)
        pipe = self._redis.pipeline(transaction=False)
        for id in wanted:
            pipe.hmget(scripts.JOB + id, LISTED_FIELDS)
        pairs = zip(wanted, self._ask(lambda _: pipe.execute()), strict=True)
        return [job for id, values in pairs if (job := job_from_record(id, LISTED_FIELDS, values))]

    def _was_kept(self, id: str) -> bool:
        pipe = self._redis.pipeline(transaction=False)
        for state in ENDED:
            pipe.zscore(scripts.INDEX + state, id)
        return any(score is not None for score in self._ask(lambda _: pipe.execute()))

    def _run(self, script: str, *args: str | bytes | int) -> Any:
        if script not in self._scripts:
            head = "" if script in (scripts.SUBMIT, scripts.REPLAY) else scripts.ALLOW_OOM
            self._scripts[script] = self._redis.register_script(head + scripts.COMMON + script)
        return self._ask(lambda _: self._scripts[script](args=args))

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        try:
            return question(self._redis)
        except RedisError as error:
            raise LedgerUnavailable(retry_after_s=1) from error
