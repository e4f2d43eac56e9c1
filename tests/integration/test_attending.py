"""A worker that attends: what is submitted meanwhile is left to it, and no job waits where no one attends."""

import numpy as np
import pytest
from numpy.typing import NDArray
from typing_extensions import override

from core.ledger.job import State
from core.ledger.memory.ledger import MemoryLedger
from core.ledger.protocol import Ledger, Pause
from core.ledger.redis.constants import TRUSTED_MS
from core.schema.score import ScoreRow
from core.settings import Settings
from core.transport.message import JOBS_IN_MESSAGE, RECORDS_IN_MESSAGE, Message
from core.transport.queue import submit
from tests.ledgers import Clock, score
from tests.patients import new_job
from worker.interactive.scoring import score_message

BELL = Message(0, [])


class AnyRisk:
    """Scores every patient alike."""

    version = "1.0.0"

    def score(
        self,
        matrix: NDArray[np.float32],
        *,
        explain: bool = False,  # noqa: ARG002
        pause: Pause | None = None,  # noqa: ARG002
    ) -> list[ScoreRow]:
        """Return a risk of a quarter for each row."""
        return [(0.25, 0)] * len(matrix)


class Streaming(MemoryLedger):
    """A ledger to which another job is submitted whenever its worker listens, until there were so many."""

    def __init__(self, jobs: int) -> None:
        super().__init__(Settings(), Clock())
        self.ids: list[str] = []
        self.jobs, self.notified = jobs, list[Message]()

    @override
    def listen(self, within_s: float) -> bool:
        if len(self.ids) < self.jobs:
            self.arrive()
        return super().listen(within_s)

    def arrive(self) -> None:
        """Submit a job as the gateway does."""
        job = new_job()
        submit(self, self.notified.append, [job])
        self.ids.append(job.id)


def attend(ledger: Ledger, *patients: int, jobs: int = JOBS_IN_MESSAGE) -> None:
    """Submit a job of each of these numbers of patients, and have a worker that attends claim and score what it can."""
    ledger.submit([new_job(n) for n in patients])
    ledger.finish(score(ledger.claim(BELL, jobs=jobs, long_poll=True)))


def test_where_a_worker_attends_it_is_given_word_and_no_bell_is_rung(ledger: Ledger) -> None:
    notified: list[Message] = []
    attend(ledger, 1)
    assert not ledger.listen(0.001)
    jobs = [new_job() for _ in range(3)]
    for job in jobs:
        assert submit(ledger, notified.append, [job]).long_polled
    assert notified == []
    assert ledger.listen(0.001)
    assert not ledger.listen(0.001)
    assert {job.id for job in ledger.claim(BELL)} == {job.id for job in jobs}


def test_what_must_go_by_queue_is_rung_for_even_there(ledger: Ledger) -> None:
    notified: list[Message] = []
    attend(ledger, 1)
    job = new_job()
    assert submit(ledger, notified.append, [job], by_queue=True).long_polled
    assert [message.ids for message in notified] == [[]]


@pytest.mark.parametrize(
    ("patients", "jobs"),
    [((), 5), ((1,) * 5, 5), ((RECORDS_IN_MESSAGE // 2,), 5), ((RECORDS_IN_MESSAGE, 1), 5)],
    ids=["nothing", "many jobs", "many patients", "more patients than one takes"],
)
def test_no_one_attends_where_nothing_waited_or_more_than_was_taken_may_wait(
    ledger: Ledger, patients: tuple[int, ...], jobs: int
) -> None:
    attend(ledger, *patients, jobs=jobs)
    assert not ledger.submit([new_job()]).long_polled


def test_no_one_attends_who_has_left_or_is_not_heard_of_for_long(ledger: Ledger, clock: Clock) -> None:
    attend(ledger, 1)
    assert not ledger.claim(BELL)
    assert not ledger.submit([new_job()]).long_polled
    attend(ledger, 1)
    clock.move(TRUSTED_MS / 1000)
    assert not ledger.submit([new_job()]).long_polled


def test_word_that_a_dead_worker_did_not_hear_is_passed_on_by_the_sweep(ledger: Ledger, clock: Clock) -> None:
    attend(ledger, 1)
    job = new_job()
    assert ledger.submit([job]).long_polled
    assert ledger.reap() == []
    clock.move(TRUSTED_MS / 1000)
    assert [message.ids for message in ledger.reap()] == [[]]
    assert ledger.reap() == []
    assert [claimed.id for claimed in ledger.claim(BELL)] == [job.id]


def test_a_worker_goes_on_with_what_comes_without_another_bell() -> None:
    ledger = Streaming(jobs=20)
    ledger.arrive()
    [message] = ledger.notified
    assert score_message(ledger, AnyRisk, message, ledger.notified.append) == ledger.ids
    assert len(ledger.ids) == 20
    assert ledger.notified == [message]
    assert {ledger.read(id).state for id in ledger.ids} == {State.SUCCEEDED}
    assert not ledger.submit([new_job()]).long_polled


def test_a_worker_that_has_gone_on_for_long_hangs_a_bell_for_the_next() -> None:
    ledger = Streaming(jobs=10**9)
    ledger.arrive()
    [message] = ledger.notified
    score_message(ledger, AnyRisk, message, ledger.notified.append)
    assert ledger.notified == [message, Message(message.sent_ms, [])]
