"""The quarantine as an operator handles it, from the command line."""

import subprocess
import sys

from redis import Redis

from bench.local.programs import ROOT
from core.ids import new_id
from core.ledger.job import State
from core.ledger.redis.ledger import RedisLedger
from core.settings import Settings
from core.transport.message import Message
from core.transport.queue import INTERACTIVE
from tests.ledgers import Clock
from tests.patients import new_job


def quarantine(settings: Settings, *arguments: str) -> tuple[int, str]:
    """Run `python -m worker quarantine`; return its exit code and what it printed."""
    command = [sys.executable, "-m", "worker", "quarantine", *arguments]
    variables = {"SCORELINE_REDIS_URL": settings.redis_url}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def test_jobs_in_quarantine_are_listed_replayed_and_dropped(redis: Redis, settings: Settings) -> None:
    clock = Clock()
    ledger = RedisLedger(redis, settings, clock)
    first, second = jobs = [new_job(), new_job()]
    assert quarantine(settings, "list") == (0, "nothing is in quarantine\n")
    ledger.submit(jobs)
    for _ in range(settings.deliveries_limit + 1):
        for job in jobs:
            ledger.claim(Message(clock.ms, [job.id]))
        clock.move(settings.lease_s + 1)

    code, listed = quarantine(settings, "list")
    assert code == 0
    assert [line.split("\t")[0] for line in listed.splitlines()] == [second.id, first.id]
    assert "3 times" in listed

    code, said = quarantine(settings, "replay", first.id)
    new = said.split()[-1]
    assert (code, said) == (0, f"{first.id} replayed as {new}\n")
    assert ledger.read(new).state is State.QUEUED
    assert str(ledger.read(first.id).replayed_as) == new
    assert redis.llen(INTERACTIVE) == 1

    assert quarantine(settings, "drop", second.id) == (0, f"{second.id} dropped\n")
    assert quarantine(settings, "list") == (0, "nothing is in quarantine\n")
    unknown = new_id()
    assert quarantine(settings, "drop", unknown, second.id)[0] == 1
    assert quarantine(settings, "replay", unknown) == (1, f"{unknown} is not in quarantine\n")
