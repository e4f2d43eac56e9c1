"""What is promised of callbacks; held against both that keep them, the one in Redis and its twin."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from redis import Redis

from core.ids import new_id
from core.ledger.callback import CALLBACKS_AT_ONCE, Callback, Callbacks, Due
from core.ledger.job import JobError, State
from core.ledger.memory.callbacks import MemoryCallbacks
from core.ledger.memory.ledger import MemoryLedger
from core.ledger.protocol import Ledger, NewJob, Outcome
from core.ledger.redis.callbacks import RedisCallbacks
from core.ledger.redis.keys import JOBS
from core.ledger.redis.ledger import RedisLedger
from core.settings import Settings
from core.transport.message import Message
from core.transport.queue import MOST_NOTIFICATIONS, notify_callbacks
from tests.ledgers import Clock, run, score, submit
from tests.patients import new_job

URL = "https://receiver.example/told?token=t"


@pytest.fixture
def callbacks(ledger: Ledger, redis: Redis, settings: Settings, clock: Clock) -> Callbacks:
    """What keeps the callbacks of the ledger's jobs."""
    return (
        MemoryCallbacks(ledger, settings)
        if isinstance(ledger, MemoryLedger)
        else RedisCallbacks(redis, settings, clock)
    )


def told_job() -> NewJob:
    """Return a job that has a callback."""
    return new_job(callback=URL)


def succeed(ledger: Ledger, job: NewJob) -> None:
    ledger.finish(score(ledger.claim(submit(ledger, job), jobs=1)))


def fail(ledger: Ledger, job: NewJob) -> None:
    ledger.claim(submit(ledger, job), jobs=1)
    ledger.finish([Outcome(job.id, error=JobError(code="scoring-failed", message="why"))])


def cancel(ledger: Ledger, job: NewJob) -> None:
    submit(ledger, job)
    ledger.cancel(job.id)


@pytest.mark.parametrize(("end", "state"), [(succeed, State.SUCCEEDED), (fail, State.FAILED), (cancel, State.CANCELED)])
def test_a_callback_is_due_once_its_job_has_ended(
    ledger: Ledger, callbacks: Callbacks, clock: Clock, end: Callable[[Ledger, NewJob], None], state: State
) -> None:
    job = told_job()
    submit(ledger, replace(told_job(), priority=7), new_job(priority=7))
    assert (callbacks.due(), callbacks.claim()) == (Due(0, 0), [])
    end(ledger, job)
    assert callbacks.due() == Due(1, 0)
    assert callbacks.claim() == [Callback(job.id, URL, state, clock.ms, attempt=1)]


@pytest.mark.parametrize("swept", [True, False])
def test_the_callback_of_an_expired_job_is_due(ledger: Ledger, callbacks: Callbacks, clock: Clock, swept: bool) -> None:
    message = submit(ledger, new_job(callback=URL, cancel_after_s=5))
    clock.move(6)
    if swept:
        ledger.reap()
    else:
        ledger.claim(message)
    assert [one.state for one in callbacks.claim()] == [State.EXPIRED]


def test_the_callback_of_a_quarantined_job_is_due_and_its_replay_has_none(
    ledger: Ledger, callbacks: Callbacks, clock: Clock, settings: Settings
) -> None:
    job = told_job()
    submit(ledger, job)
    for _ in range(settings.deliveries_limit + 1):
        ledger.claim(Message(clock.ms, [job.id]))
        clock.move(settings.lease_s + 1)
    assert [(one.id, one.state) for one in callbacks.claim()] == [(job.id, State.FAILED)]
    callbacks.forget(job.id)
    run(ledger, ledger.replay(job.id, new_id()))
    assert callbacks.due() == Due(0, 0)


def test_what_a_dead_notifier_took_is_due_again_and_the_attempt_counted(
    ledger: Ledger, callbacks: Callbacks, clock: Clock, settings: Settings
) -> None:
    succeed(ledger, told_job())
    assert [one.attempt for one in callbacks.claim()] == [1]
    assert callbacks.claim() == []
    clock.move(3 * settings.callback_timeout_s)
    assert [one.attempt for one in callbacks.claim()] == [2]


def test_what_was_put_off_is_due_when_it_was_said(ledger: Ledger, callbacks: Callbacks, clock: Clock) -> None:
    succeed(ledger, told_job())
    [taken] = callbacks.claim()
    assert callbacks.put_off(taken.id, 300)
    clock.move(299)
    assert callbacks.due() == Due(0, 0)
    clock.move(1)
    assert [one.attempt for one in callbacks.claim()] == [2]


def test_nothing_is_put_off_for_longer_than_its_job_is_kept(
    ledger: Ledger, callbacks: Callbacks, settings: Settings
) -> None:
    succeed(ledger, told_job())
    [taken] = callbacks.claim()
    assert not callbacks.put_off(taken.id, settings.result_ttl)
    assert callbacks.put_off(taken.id, settings.result_ttl - 1)


def test_what_was_forgotten_or_erased_is_never_due_again(ledger: Ledger, callbacks: Callbacks, clock: Clock) -> None:
    told, erased = told_job(), told_job()
    for job in (told, erased):
        succeed(ledger, job)
    assert len(callbacks.claim()) == 2
    callbacks.forget(told.id)
    ledger.erase(erased.id)
    for job in (told, erased):
        callbacks.put_off(job.id, 1)
    clock.move(1_000)
    assert callbacks.claim() == []


def test_an_open_job_that_is_erased_leaves_no_callback(redis: Redis, settings: Settings) -> None:
    ledger, job = RedisLedger(redis, settings), told_job()
    submit(ledger, job)
    ledger.erase(job.id)
    assert not redis.exists(JOBS.callbacks)


def test_a_callback_whose_job_is_no_longer_kept_is_dropped(redis: Redis, settings: Settings) -> None:
    ledger, callbacks, job = RedisLedger(redis, settings), RedisCallbacks(redis, settings), told_job()
    succeed(ledger, job)
    redis.delete(JOBS.job + job.id)  # as Redis does when its time has come
    assert callbacks.claim() == []
    assert not redis.exists(JOBS.callbacks)


def test_the_longest_due_are_taken_first_and_no_more_than_one_message_stands_for(
    ledger: Ledger, callbacks: Callbacks, clock: Clock
) -> None:
    jobs = [told_job() for _ in range(CALLBACKS_AT_ONCE + 6)]
    for job in jobs:
        succeed(ledger, job)
        clock.move(0.001)
    assert [one.id for one in callbacks.claim()] == [job.id for job in jobs[:CALLBACKS_AT_ONCE]]
    assert [one.id for one in callbacks.claim()] == [job.id for job in jobs[CALLBACKS_AT_ONCE:]]


@pytest.mark.parametrize(("due", "hanging", "notified"), [(0, 0, 0), (1, 0, 1), (16, 0, 1), (17, 1, 1), (10**6, 60, 4)])
def test_the_sweep_rings_for_all_that_is_due_but_never_fills_the_queue(due: int, hanging: int, notified: int) -> None:
    class Known(MemoryCallbacks):
        def due(self) -> Due:
            return Due(due, hanging)

    settings, bells = Settings(), list[object]()
    notify_callbacks(Known(MemoryLedger(settings, Clock()), settings), bells.append)
    assert len(bells) == notified
    assert hanging + notified <= MOST_NOTIFICATIONS


def test_what_is_printed_of_a_callback_holds_no_secret_of_its_url(ledger: Ledger, callbacks: Callbacks) -> None:
    succeed(ledger, told_job())
    assert "token" not in repr(callbacks.claim())
