"""The ledger over Redis or Valkey."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from threading import Event
from typing import Any

from redis import Redis
from typing_extensions import override

from core.errors import UnknownJob, UnreadableRecord
from core.ids import first_id_at, is_probe_job, new_id
from core.ledger.answer import Answer
from core.ledger.job import Job
from core.ledger.key import ANYONE, Caller
from core.ledger.protocol import Claimed, JobEvent, Ledger, NewJob, Outcome, Pause, SubmitResult, SubmitStatus
from core.ledger.redis import scripts
from core.ledger.redis.constants import TRUSTED_MS
from core.ledger.redis.keys import JOBS, Keys
from core.ledger.redis.record import (
    answer_from_record,
    dump_rows,
    encode_options,
    read_claimed,
    reading_record,
    render_for_waiter,
)
from core.ledger.redis.scripts import Script, Scripts
from core.ledger.redis.view import ENDED, JOB, READ_AT_ONCE, Lost, RedisView, listen
from core.settings import Settings
from core.transport.message import JOBS_IN_MESSAGE, RECORDS_IN_MESSAGE, Message

REAPED_AT_ONCE = 10_000
ANY_SIZE = 1 << 53


class RedisLedger(RedisView[Job], Ledger):
    """A ledger in one Redis; every change is one script, so that it happens whole or not at all."""

    def __init__(
        self,
        redis: Redis,
        settings: Settings,
        clock: Callable[[], int] | None = None,
        keys: Keys = JOBS,
        lost: Lost | None = None,
    ) -> None:
        super().__init__(redis, settings, clock, keys, JOB, lost)
        self._ttl_ms = settings.result_ttl * 1000
        self._scripts = Scripts(redis, keys)

    @override
    def submit(self, jobs: Sequence[NewJob]) -> SubmitResult:
        args: list[str | bytes | int] = [
            self._settings.backlog_limit,
            self._settings.idempotency_ttl * 1000,
            self._ttl_ms,
        ]
        for job in jobs:
            deadline_ms = "" if job.cancel_after_s is None else int(job.cancel_after_s * 1000)
            args += [job.id, dump_rows(job.rows), len(job.rows), deadline_ms, encode_options(job)]
            args += [job.idempotency.key, job.idempotency.fingerprint] if job.idempotency else ["", ""]
            args += [job.callback or "", job.trace or "", job.by.key, job.by.limits.rows_per_day or "", job.priority]
            args.append(job.waiter)
        # Probe jobs are always accepted: else a service that only drains its backlog would not be ready.
        probes = all(is_probe_job(job.id) for job in jobs)
        sent_ms, notifications, long_polled, *answers = self._run(
            scripts.SUBMIT_JOBS, self._now(), *args, always=probes
        )
        pairs = zip(answers[::2], answers[1::2], strict=True)
        statuses = [(SubmitStatus(status.decode()), id.decode()) for status, id in pairs]
        return SubmitResult(sent_ms, notifications, statuses, long_polled=bool(long_polled))

    @override
    def claim(self, message: Message, *, jobs: int = JOBS_IN_MESSAGE, long_poll: bool = False) -> list[Claimed]:
        return self._claim(message, jobs, RECORDS_IN_MESSAGE, ANY_SIZE, TRUSTED_MS if long_poll else 0)

    @override
    def claim_small(self, records: int) -> list[Claimed]:
        return self._claim(Message(0, []), JOBS_IN_MESSAGE, records, records, -1)

    def _claim(self, message: Message, jobs: int, records: int, largest: int, long_poll_ms: int) -> list[Claimed]:
        """Claim up to `jobs` jobs of `records` records in all, each of `largest` records at most.

        `long_poll_ms` is how long the promise of `long_poll` holds: 0 for none, and -1 leaves an earlier one as it is.
        """
        settings = self._settings
        limits = (int(settings.lease_s * 1000), settings.deliveries_limit, self._ttl_ms, message.sent_ms)
        token = new_id()  # names this claim, if it is sent again
        claimed = self._run(
            scripts.CLAIM_JOBS, self._now(), *limits, jobs, records, largest, token, long_poll_ms, *message.ids
        )
        return [read_claimed(*found) for found in zip(claimed[::3], claimed[1::3], claimed[2::3], strict=True)]

    @override
    def wants_message(self) -> bool:
        return bool(self._run(scripts.WANTS_MESSAGE))

    @override
    def listen(self, within_s: float) -> bool:
        return self._ask(lambda redis: redis.blpop([self._keys.new_jobs], within_s)) is not None

    @override
    def renew(self, ids: Sequence[str]) -> None:
        self._run(scripts.RENEW_LEASES, self._now(), int(self._settings.lease_s * 1000), *ids)

    @override
    def finish(self, outcomes: Sequence[Outcome], pause: Pause | None = None) -> int:
        args: list[str | bytes] = []
        for outcome in outcomes:
            code, text = (outcome.error.code, outcome.error.message) if outcome.error else ("", "")
            scores = dump_rows(outcome.scores or [], pause)
            args += [outcome.id, scores, outcome.model_version, code, text, render_for_waiter(outcome)]
        return int(
            self._run(scripts.FINISH_JOBS, self._now(), self._ttl_ms, int(self._settings.ready_for_s * 1000), *args)
        )

    @override
    def answer(self, id: str, by: Caller = ANYONE) -> Answer:
        for _, found in self._read_answers([id], by.visible_owner):
            with reading_record(id):
                if answer := answer_from_record(id, found):
                    return answer
        raise self._explain_absence(id, by.visible_owner)

    @override
    def answers(self, ids: Sequence[str]) -> dict[str, Answer]:
        answers = dict[str, Answer]()
        for id, found in self._read_answers(ids, ""):
            with suppress(UnreadableRecord), reading_record(id):
                if answer := answer_from_record(id, found):
                    answers[id] = answer
        return answers

    @override
    def rows(self, id: str) -> bytes:
        rows: bytes | None = self._ask(lambda redis: redis.hget(self._keys.job + id, "scores"))
        if rows is None:
            raise self._explain_absence(id, "")
        return rows

    @override
    def cancel(self, id: str, by: Caller = ANYONE) -> Job:
        self._run(scripts.CANCEL_JOB, self._now(), self._ttl_ms, id, by.visible_owner, by.key)
        return self.read(id, by)

    @override
    def erase(self, id: str, by: Caller = ANYONE) -> None:
        if not self._run(scripts.ERASE_JOB, self._now(), self._ttl_ms, id, by.visible_owner, by.key):
            self.read(id, by)

    @override
    def reap(self) -> list[Message]:
        grace_ms = int(self._settings.resend_after_s * 1000)
        sent_ms, notifications, *lost = self._run(
            scripts.REAP_JOBS, self._now(), grace_ms, self._ttl_ms, REAPED_AT_ONCE
        )
        return [Message(sent_ms, [id.decode()]) for id in lost] + [Message(sent_ms, [])] * notifications

    @override
    def trim(self) -> None:
        gone_before_ms = self._ms() - self._ttl_ms - self._settings.gone_ttl * 1000
        oldest = first_id_at(gone_before_ms)
        for index in map(self._keys.index_of, self.owners()):
            indexes = [index + state for state in ENDED]
            while self._run(scripts.TRIM_INDEXES, oldest, REAPED_AT_ONCE, *indexes) >= REAPED_AT_ONCE:
                pass

    @override
    def replay(self, id: str, new_id: str) -> Message:
        sent_ms = self._run(scripts.REPLAY_JOB, self._now(), id, new_id)
        if sent_ms is None:
            raise UnknownJob
        return Message(sent_ms, [])

    @override
    def drop(self, id: str) -> None:
        if not self._run(scripts.DROP_DEAD_LETTER, id):
            raise UnknownJob

    @override
    def watch(self, stop: Event, waiter: str = "") -> Iterator[JobEvent[Answer] | None]:
        return listen(self._redis, self._keys, stop, waiter)

    def _read_answers(self, ids: Sequence[str], visible_owner: str) -> Iterator[tuple[str, Sequence[Any]]]:
        for start in range(0, len(ids), READ_AT_ONCE):
            some = ids[start : start + READ_AT_ONCE]
            for id, found in zip(some, self._run(scripts.READ_ANSWERS, *some), strict=True):
                if visible_owner in ("", (found[0] or b"").decode()):
                    yield id, found

    def _run(self, script: Script, *args: str | bytes | int, always: bool = False) -> Any:
        return self._ask(lambda _: self._scripts.run(script, *args, always=always))
