"""A Redis that is slow, stalled or full, as opposed to away."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import free_port, start_valkey, stop, valkey
from core.connect import open_redis
from core.errors import MemoryFull, UnknownJob
from core.ledger.job import State
from core.ledger.redis.keys import JOBS
from core.ledger.redis.ledger import RedisLedger
from core.settings import Settings
from core.transport.message import Message
from core.transport.queue import INTERACTIVE, MOST_NOTIFICATIONS, make_celery, make_send
from core.transport.queue import submit as submit_and_ring
from tests.ledgers import run, score, submit
from tests.patients import new_job


@contextmanager
def stalled(server: subprocess.Popen[bytes], seconds: float) -> Iterator[None]:
    """Let the server stand still for so long, beginning now."""
    server.send_signal(signal.SIGSTOP)
    go_on = threading.Timer(seconds, server.send_signal, [signal.SIGCONT])
    go_on.start()
    try:
        yield
    finally:
        go_on.join()


def test_a_claim_whose_answer_comes_too_late_is_made_again_and_counts_once(tmp_path: Path) -> None:
    port = free_port()
    server = start_valkey(tmp_path / "valkey", port)
    settings = Settings(redis_url=f"redis://127.0.0.1:{port}/0", redis_timeout_s=0.3)
    try:
        with open_redis(settings, retries=15) as redis:
            ledger = RedisLedger(redis, settings)
            ahead, own = new_job(), new_job()  # in the order of their ids, which decides within a millisecond
            submit(ledger, ahead)
            message = submit(ledger, own)
            with stalled(server, 0.8):
                claimed = ledger.claim(message)
            assert [job.id for job in claimed] == [ahead.id, own.id]
            assert [redis.hget(JOBS.job + job.id, "deliveries") for job in (own, ahead)] == [b"1", b"1"]
            with stalled(server, 0.8):
                ledger.finish(score(claimed))
            assert {ledger.read(job.id).state for job in (own, ahead)} == {State.SUCCEEDED}
    finally:
        stop(server)


def test_a_full_memory_refuses_new_jobs_and_ends_those_it_has(tmp_path: Path) -> None:
    with valkey(tmp_path / "valkey") as url:
        settings = Settings(redis_url=url)
        with open_redis(settings) as redis:
            ledger = RedisLedger(redis, settings)
            job = new_job()
            message = submit(ledger, job)
            redis.config_set("maxmemory", int(redis.info("memory")["used_memory"]) - 1)
            with pytest.raises(MemoryFull):
                ledger.submit([new_job()])
            assert run(ledger, message) == 1
            assert ledger.consumed_lately()
            ledger.erase(job.id)


def test_the_queue_stays_short_however_many_jobs_wait(redis: Redis, settings: Settings) -> None:
    ledger, send = RedisLedger(redis, settings), make_send(make_celery(settings))
    jobs = [new_job() for _ in range(2 * MOST_NOTIFICATIONS)]
    for job in jobs:
        submit_and_ring(ledger, send, [job])
    assert redis.llen(INTERACTIVE) == MOST_NOTIFICATIONS
    assert len(ledger.claim(Message(0, []), jobs=len(jobs))) == len(jobs)


def test_erasing_a_job_leaves_alone_a_key_that_another_has_taken(redis: Redis, settings: Settings) -> None:
    ledger = RedisLedger(redis, settings.model_copy(update={"idempotency_ttl": 1}))
    first, second, again = (new_job(key="k") for _ in range(3))
    submit(ledger, first)
    wait_until(lambda: not redis.exists(JOBS.idempotency + "k"), within_s=5, what="the key to run out")
    submit(ledger, second)
    ledger.erase(first.id)
    assert ledger.submit([again]).statuses == [("replayed", second.id)]


def test_dropping_a_job_that_is_no_longer_kept_leaves_nothing(redis: Redis, settings: Settings) -> None:
    ledger = RedisLedger(redis, settings)
    job = new_job()
    submit(ledger, job)
    redis.zadd(JOBS.dead_letters, {job.id: 0})
    redis.delete(JOBS.job + job.id)  # as Redis does when its time has come
    with pytest.raises(UnknownJob):
        ledger.drop(job.id)
    assert not redis.exists(JOBS.job + job.id)
    assert not ledger.page(state=None, limit=5, after=None).items
