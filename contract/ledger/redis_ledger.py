"""The ledger over Redis or Valkey."""

from collections.abc import Callable, Iterator, Sequence
from threading import Event
from typing import Any

from pydantic_core import from_json, to_json
from redis import Redis
from typing_extensions import override

from contract.answer import READY_SCORES, Answer, render_scores
from contract.errors import UnknownJob
from contract.job import Job
from contract.key import ANYONE, Caller
from contract.ledger import answer_scripts, quarantine_scripts, scripts
from contract.ledger.heard import Heard
from contract.ledger.keys import JOBS, Keys
from contract.ledger.listening import listen
from contract.ledger.message import PATIENTS_IN_MESSAGE, Message, to_messages
from contract.ledger.prelude import prelude
from contract.ledger.protocol import Claimed, Ledger, NewJob, Outcome, Receipt, Verdict
from contract.ledger.record import answer_from_record, first_id_at, new_id
from contract.ledger.redis_view import ENDED, JOB, READ_AT_ONCE, RedisView
from contract.ledger.running import Scripts
from contract.settings import Settings

SWEPT_AT_ONCE = 10_000
TRUSTED_MS = 1_000  # how long after its claim a worker that attends is taken to be alive


class RedisLedger(RedisView[Job], Ledger):
    """A ledger kept in one Redis; every change is one script, so that it happens whole or not at all."""

    def __init__(
        self, redis: Redis, settings: Settings, clock: Callable[[], int] | None = None, keys: Keys = JOBS
    ) -> None:
        super().__init__(redis, settings, clock, keys, JOB)
        self._ttl_ms = settings.result_ttl * 1000
        growing, reading = (scripts.SUBMIT, quarantine_scripts.REPLAY), (answer_scripts.LOOK,)
        self._scripts = Scripts(redis, prelude(keys), growing, reading)

    @override
    def submit(self, jobs: Sequence[NewJob]) -> Receipt:
        args: list[str | bytes | int] = [
            self._settings.backlog_limit,
            self._settings.idempotency_ttl * 1000,
        ]
        for job in jobs:
            deadline_ms = "" if job.cancel_after_s is None else int(job.cancel_after_s * 1000)
            args += [job.id, to_json(job.rows), len(job.rows), deadline_ms, int(job.explain)]
            args += [job.idempotency.key, job.idempotency.fingerprint] if job.idempotency else ["", ""]
            args += [job.callback or "", job.trace or "", job.by.key, job.by.limits.rows_per_day or "", job.waiter]
        sent_ms, bells, attended, *answers = self._run(scripts.SUBMIT, self._now(), *args)
        pairs = zip(answers[::2], answers[1::2], strict=True)
        verdicts = [(Verdict(verdict.decode()), id.decode()) for verdict, id in pairs]
        return Receipt(sent_ms, bells, verdicts, attended=bool(attended))

    @override
    def claim(self, message: Message, *, ahead: int = 0, attends: bool = False) -> list[Claimed]:
        lease_ms = int(self._settings.lease_s * 1000)
        limits = (lease_ms, self._settings.deliveries_limit, self._ttl_ms)
        room = (ahead, PATIENTS_IN_MESSAGE, new_id())  # the id names this claim, should it be sent again
        trusted_ms = TRUSTED_MS if attends else 0
        taken = self._run(scripts.CLAIM, self._now(), *limits, message.sent_ms, *room, trusted_ms, *message.ids)
        return [read_claimed(*found) for found in zip(taken[::3], taken[1::3], taken[2::3], strict=True)]

    @override
    def listen(self, within_s: float) -> bool:
        return self._ask(lambda redis: redis.blpop([self._keys.word], within_s)) is not None

    @override
    def renew(self, ids: Sequence[str]) -> None:
        self._run(scripts.RENEW, self._now(), int(self._settings.lease_s * 1000), *ids)

    @override
    def finish(self, outcomes: Sequence[Outcome]) -> int:
        args: list[str | bytes] = []
        for outcome in outcomes:
            code, text = (outcome.error.code, outcome.error.message) if outcome.error else ("", "")
            args += [outcome.id, to_json(outcome.scores), outcome.model_version, code, text, ready(outcome)]
        return int(self._run(scripts.FINISH, self._now(), self._ttl_ms, int(self._settings.ready_for_s * 1000), *args))

    @override
    def answer(self, id: str, by: Caller = ANYONE) -> Answer:
        for answer in self._answers([id], by.sees).values():
            return answer
        raise self._absent(id, by.sees)

    @override
    def answers(self, ids: Sequence[str]) -> dict[str, Answer]:
        return self._answers(ids, "")

    @override
    def rows(self, id: str) -> bytes:
        rows: bytes | None = self._ask(lambda redis: redis.hget(self._keys.job + id, "scores"))
        if rows is None:
            raise self._absent(id, "")
        return rows

    @override
    def cancel(self, id: str, by: Caller = ANYONE) -> Job:
        self._run(scripts.CANCEL, self._now(), self._ttl_ms, id, by.sees, by.key)
        return self.read(id, by)

    @override
    def erase(self, id: str, by: Caller = ANYONE) -> None:
        if not self._run(scripts.ERASE, id, by.sees, by.key):
            self.read(id, by)

    @override
    def sweep(self) -> list[Message]:
        grace_ms = int(self._settings.resend_after_s * 1000)
        sent_ms, unheard, *lost = self._run(scripts.SWEEP, self._now(), grace_ms, self._ttl_ms, SWEPT_AT_ONCE)
        triples = zip(lost[::3], lost[1::3], lost[2::3], strict=True)
        bell = [Message(0, [])] if unheard else []
        return to_messages(sent_ms, [(id.decode(), int(n), int(tries) > 0) for id, n, tries in triples]) + bell

    @override
    def trim(self) -> None:
        gone_before_ms = self._ms() - self._ttl_ms - self._settings.gone_ttl * 1000
        oldest = first_id_at(gone_before_ms)
        for index in map(self._keys.index_of, self.owners()):
            while self._run(scripts.TRIM, oldest, SWEPT_AT_ONCE, *(index + state for state in ENDED)) >= SWEPT_AT_ONCE:
                pass

    @override
    def replay(self, id: str, new_id: str) -> Message:
        sent_ms = self._run(quarantine_scripts.REPLAY, self._now(), id, new_id)
        if sent_ms is None:
            raise UnknownJob
        return Message(sent_ms, [new_id])

    @override
    def drop(self, id: str) -> None:
        if not self._run(quarantine_scripts.DROP, id):
            raise UnknownJob

    @override
    def watch(self, stop: Event, waiter: str = "") -> Iterator[Heard[Answer] | None]:
        return listen(self._redis, self._keys, stop, waiter)

    def _answers(self, ids: Sequence[str], sees: str) -> dict[str, Answer]:
        answers = dict[str, Answer]()
        for start in range(0, len(ids), READ_AT_ONCE):
            some = ids[start : start + READ_AT_ONCE]
            for id, found in zip(some, self._run(answer_scripts.LOOK, *some), strict=True):
                if sees in ("", (found[0] or b"").decode()) and (answer := answer_from_record(id, found)):
                    answers[id] = answer
        return answers

    def _run(self, script: str, *args: str | bytes | int) -> Any:
        return self._ask(lambda _: self._scripts.run(script, *args))


def read_claimed(id: bytes, rows: bytes, told: bytes) -> Claimed:
    """Return a job that the script claimed, as it tells of it."""
    explain, deliveries, trace, awaited = told.decode().split(" ")
    return Claimed(id.decode(), from_json(rows), explain == "1", int(deliveries) > 1, trace or None, awaited == "1")


def ready(outcome: Outcome) -> bytes:
    """Return the JSON of the scores, made ready for the gateway that waits for them; empty if none does, or of many."""
    if not outcome.awaited or outcome.scores is None or len(outcome.scores) > READY_SCORES:
        return b""
    return render_scores(outcome.scores, outcome.model_version)
