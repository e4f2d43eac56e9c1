"""What any ledger promises when workers die and messages are lost; held against both ledgers."""

from itertools import pairwise

import pytest

from bench.local.programs import free_port
from core.connect import open_redis
from core.errors import LedgerUnavailable, UnknownJob
from core.ids import new_id
from core.ledger.job import State
from core.ledger.protocol import Ledger
from core.ledger.redis.ledger import RedisLedger
from core.settings import Settings
from core.transport.message import JOBS_IN_MESSAGE, Message
from tests.ledgers import Clock, run, score, submit
from tests.patients import new_job


def lose(ledger: Ledger, clock: Clock, settings: Settings, id: str) -> None:
    """Give the job to a worker that dies, and let its lease run out."""
    claimed = ledger.claim(Message(clock.ms, [id]))
    assert [job.id for job in claimed] == [id]
    clock.move(settings.lease_s + 1)
    ledger.reap()


def test_a_renewed_lease_runs_from_its_renewal(ledger: Ledger, clock: Clock, settings: Settings) -> None:
    job, other = new_job(), new_job()
    message = submit(ledger, job)
    ledger.claim(message)
    clock.move(settings.lease_s - 1)
    ledger.renew([job.id, other.id])
    clock.move(settings.lease_s - 1)
    assert not ledger.claim(message)
    assert not ledger.reap()
    clock.move(2)
    assert [sent.ids for sent in ledger.reap()] == [[job.id]]


def test_the_sweep_sends_again_what_a_dead_worker_held_each_job_alone(
    ledger: Ledger, clock: Clock, settings: Settings
) -> None:
    jobs = [new_job() for _ in range(3)]
    ledger.claim(submit(ledger, *jobs))
    assert not ledger.reap()
    clock.move(settings.lease_s + 1)
    sent = ledger.reap()
    assert sorted(message.ids for message in sent) == [[job.id] for job in jobs]
    assert not ledger.reap()
    assert [run(ledger, message) for message in sent] == [1, 1, 1]


def test_a_lost_turn_is_sent_again_once_however_many_jobs_wait(
    ledger: Ledger, clock: Clock, settings: Settings
) -> None:
    submit(ledger, *[new_job() for _ in range(3 * JOBS_IN_MESSAGE)])
    assert not ledger.reap()
    clock.move(settings.resend_after_s)
    [turn] = ledger.reap()
    assert turn.ids == []
    assert not ledger.reap()
    while run(ledger, turn):
        clock.move(settings.resend_after_s / 2)
        assert not [message for message in ledger.reap() if message.ids]  # a backlog that drains has lost nothing
    assert ledger.load().backlog_records == 0


def test_each_resend_of_a_message_that_names_a_job_waits_longer_than_the_last(
    ledger: Ledger, clock: Clock, settings: Settings
) -> None:
    lost = new_job()
    submit(ledger, lost)
    lose(ledger, clock, settings, lost.id)
    sent_at_s = []
    for second in range(200):
        clock.move(1)
        sent_at_s += [second for message in ledger.reap() if lost.id in message.ids]
    waits = [later - earlier for earlier, later in pairwise(sent_at_s)]
    assert len(waits) >= 3
    assert waits == sorted(waits)
    assert waits[-1] > 4 * waits[0]


def test_a_job_that_ends_its_workers_is_quarantined_and_can_be_replayed(
    ledger: Ledger, clock: Clock, settings: Settings
) -> None:
    job = new_job(2)
    submit(ledger, job)
    for _ in range(settings.deliveries_limit):
        lose(ledger, clock, settings, job.id)
        assert ledger.read(job.id).state is State.RUNNING
    assert not ledger.claim(Message(clock.ms, [job.id]))
    failed = ledger.read(job.id)
    assert failed.error
    assert (failed.state, failed.error.code) == (State.FAILED, "quarantined")
    assert [one.id for one in ledger.dead_letters(limit=10)] == [failed.id]
    assert ledger.load().backlog_records == 0
    again = new_id()
    assert run(ledger, ledger.replay(job.id, again)) == 1
    assert ledger.read(again).state is State.SUCCEEDED
    old = ledger.read(job.id)
    assert (old.state, str(old.replayed_as)) == (State.FAILED, again)
    assert not ledger.dead_letters(limit=10)
    with pytest.raises(UnknownJob):
        ledger.replay(job.id, new_id())


def test_a_dropped_job_leaves_the_quarantine_and_stays_failed(ledger: Ledger, clock: Clock, settings: Settings) -> None:
    job = new_job()
    submit(ledger, job)
    for _ in range(settings.deliveries_limit):
        lose(ledger, clock, settings, job.id)
    ledger.claim(Message(clock.ms, [job.id]))
    ledger.drop(job.id)
    assert not ledger.dead_letters(limit=10)
    assert ledger.read(job.id).state is State.FAILED
    with pytest.raises(UnknownJob):
        ledger.drop(job.id)


def test_neighbours_of_a_poisonous_job_are_scored(ledger: Ledger, clock: Clock) -> None:
    jobs = [new_job() for _ in range(20)]
    poison = jobs[7].id
    queue = [submit(ledger, *jobs)]
    for _ in range(100):
        if queue:
            message = queue.pop(0)
            claimed = ledger.claim(message)
            if poison not in [job.id for job in claimed]:
                ledger.finish(score(claimed))
        clock.move(1)
        queue += ledger.reap()
    assert [ledger.read(job.id).state for job in jobs if job.id != poison] == [State.SUCCEEDED] * 19
    assert ledger.read(poison).state is State.FAILED


def test_a_submit_whose_answer_was_lost_can_be_made_again(ledger: Ledger) -> None:
    plain, keyed = new_job(), new_job(key="k")
    assert ledger.submit([plain, keyed]).statuses == ledger.submit([plain, keyed]).statuses
    assert ledger.load().backlog_records == 2


def test_a_ledger_out_of_reach_says_so(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}/0"})
    with open_redis(away) as redis, pytest.raises(LedgerUnavailable):
        RedisLedger(redis, away).submit([new_job()])


def test_a_job_that_was_delivered_before_is_taken_by_no_turn_nor_anything_with_it(
    ledger: Ledger, clock: Clock, settings: Settings
) -> None:
    suspect, other = new_job(), new_job()
    submit(ledger, suspect)
    lose(ledger, clock, settings, suspect.id)
    submit(ledger, other)
    again = Message(clock.ms, [suspect.id])
    assert [one.id for one in ledger.claim(Message(clock.ms, []))] == [other.id]
    submit(ledger, new_job())
    assert [one.id for one in ledger.claim(again)] == [suspect.id]


def test_jobs_that_were_delivered_before_hide_no_fresh_ones(ledger: Ledger, clock: Clock, settings: Settings) -> None:
    submit(ledger, *[new_job() for _ in range(JOBS_IN_MESSAGE)])
    assert len(ledger.claim(Message(clock.ms, []))) == JOBS_IN_MESSAGE
    clock.move(settings.lease_s + 1)
    assert len(ledger.reap()) == JOBS_IN_MESSAGE
    fresh = [new_job() for _ in range(10)]
    assert {one.id for one in ledger.claim(submit(ledger, *fresh))} == {job.id for job in fresh}
