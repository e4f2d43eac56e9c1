"""The two ledgers that must keep the same promise, under a clock that tests can move."""

import time
from collections.abc import Callable, Sequence

from redis import Redis

from core.ledger.memory.ledger import MemoryLedger
from core.ledger.protocol import Claimed, Ledger, NewJob, Outcome
from core.ledger.redis.ledger import RedisLedger
from core.settings import Settings
from core.transport.message import Message


class Clock:
    """A clock that stands still until it is moved; starts at the time that it is."""

    def __init__(self) -> None:
        self.ms = int(time.time() * 1000)

    def __call__(self) -> int:
        return self.ms

    def move(self, seconds: float) -> None:
        """Move on."""
        self.ms += int(seconds * 1000)


def make_ledger(kind: str, redis: Redis, settings: Settings, clock: Clock) -> Ledger:
    """Return the ledger of that kind, `redis` or `memory`."""
    return RedisLedger(redis, settings, clock) if kind == "redis" else MemoryLedger(settings, clock)


def submit(ledger: Ledger, *jobs: NewJob) -> Message:
    """Write the jobs down and return the message that the queue would carry: a turn."""
    return Message(ledger.submit(jobs).sent_ms, [])


def score(claimed: Sequence[Claimed], risk: float = 0.25) -> list[Outcome]:
    """Return the outcomes of a worker that gives every patient the same risk."""
    return [Outcome(job.id, [(risk, risk >= 0.5, 0)] * len(job.rows), "1.0.0") for job in claimed]


def run(ledger: Ledger, message: Message) -> int:
    """Do what a healthy worker does with the message, and return how many jobs that ended."""
    return ledger.finish(score(ledger.claim(message)))


Make = Callable[[Settings], Ledger]
"""Makes a ledger with these settings."""
