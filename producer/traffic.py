"""Traffic: submits patients one by one at a given pace, and sees each job through to its end."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from contract.errors import ScorelineError
from contract.job import Job
from contract.patient import Patient
from producer.client import Client

OPEN_AT_MOST = 1_000
"""Jobs in the air; above it the producer waits, so that a service that is away meets no crowd when it is back."""


@dataclass
class Tally:
    """How many patients were sent, and what came of them."""

    sent: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    last_s: float = 0

    def count(self, job: Job) -> None:
        """Count a job that ended; the seconds from its acceptance to its result are the service's own."""
        self.ended[job.state.value] += 1
        if job.finished_at:
            self.last_s = (job.finished_at - job.accepted_at).total_seconds()

    def __str__(self) -> str:
        ended = "".join(f", {count} {state}" for state, count in sorted(self.ended.items()))
        last = f"; the last was scored in {1000 * self.last_s:.0f} ms" if self.last_s else ""
        return f"{self.sent} sent{ended}, {self.sent - self.ended.total()} waiting{last}"


class Traffic:
    """Patients on their way through the service; `show` is called with the tally whenever it changes."""

    def __init__(self, client: Client, show: Callable[[Tally], None]) -> None:
        self.tally = Tally()
        self._client = client
        self._show = show
        self._slots = asyncio.Semaphore(OPEN_AT_MOST)

    async def send(self, patients: Iterator[Patient], pauses: Iterator[float]) -> None:
        """Submit the patients with a pause in seconds between two; return when every job has ended."""
        async with asyncio.TaskGroup() as group:
            for pause_s, patient in zip(chain([0], pauses), patients, strict=False):
                await asyncio.sleep(pause_s)
                await self._slots.acquire()
                group.create_task(self._see_through(patient))

    async def _see_through(self, patient: Patient) -> None:
        self.tally.sent += 1
        self._show(self.tally)
        try:
            job = await self._client.submit([patient])
            self.tally.count(await self._client.wait(job))
        except ScorelineError:  # one patient who is refused stops no other
            self.tally.ended["refused"] += 1
        finally:
            self._slots.release()
        self._show(self.tally)


def pause_randomly(low_s: float, high_s: float, rng: random.Random) -> Iterator[float]:
    """Yield pauses in seconds, uniform between the two."""
    while True:
        yield rng.uniform(low_s, high_s)


def pace_steadily(rate: float) -> Iterator[float]:
    """Yield pauses in seconds that make `rate` a second; of the time lost while the service is away, 1 s is made up."""
    due_s = time.monotonic()
    while True:
        now_s = time.monotonic()
        due_s = max(due_s + 1 / rate, now_s - 1)
        yield max(0, due_s - now_s)
