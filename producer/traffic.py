"""Traffic: submits patients one by one at a given pace, and follows each job to its end."""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import chain
from uuid import uuid4

from core.errors import ScorelineError
from core.ledger.job import Job
from producer.client import Client, Refused
from producer.screen import Totals
from producer.table import Labels
from producer.visits import Visit

OPEN_AT_MOST = 1_000
"""The most open jobs; above it the producer waits, so that a service that was down is not flooded when it is back."""

MADE_UP_S = 1
"""The most seconds of delay, because of too many open jobs, that are made up by sending faster afterwards."""

FAULTS = range(400, 500)
"""Statuses that mean that the request was wrong."""


class Traffic:
    """Sends patients and follows their jobs; `show` is called with the totals whenever they change.

    `report` is called once with each reason for which a patient is refused that was not malformed on purpose. The
    results of angiograms are added to `labels`, if given.
    """

    def __init__(
        self,
        client: Client,
        show: Callable[[Totals], None],
        report: Callable[[str], None] = lambda _: None,
        labels: Labels | None = None,
    ) -> None:
        self.totals = Totals()
        self._client = client
        self._show_totals = show
        self._report = report
        self._reported: set[str] = set()
        self._labels = labels
        self._slots = asyncio.Semaphore(OPEN_AT_MOST)

    async def send(self, visits: Iterator[Visit], pauses: Iterator[float]) -> None:
        """Submit the patients, with pauses in seconds between them; return when every job has ended.

        While the service asks to wait with a 429, no patient is submitted, and that time is not made up.
        """
        due_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for pause_s, visit in zip(chain([0], pauses), visits, strict=False):
                due_s = max(due_s + pause_s, time.monotonic() - MADE_UP_S)
                await asyncio.sleep(max(0, due_s - time.monotonic()))
                await self._slots.acquire()
                if await self._client.hold_back():
                    due_s = time.monotonic()
                group.create_task(self._see_through(visit))

    async def _see_through(self, visit: Visit) -> None:
        self.totals.begin()
        self.totals.malformed += visit.malformed
        self._show()
        try:
            job = await self._submit(visit)
            self.totals.count(await self._client.wait(job))
        except ScorelineError as error:  # one refused patient must not stop the others
            self._count_refusal(visit, error)
            return
        finally:
            self._slots.release()
            self._show()
        await self._label(job, visit)

    async def _submit(self, visit: Visit) -> Job:
        key = uuid4()  # not from the seed: the same traffic in another run must make new jobs
        job = await self._client.submit_body(visit.body, key)
        if visit.twice:
            again = await self._client.submit_body(visit.body, key)
            self.totals.twice += 1
            self.totals.seen_once += again.id == job.id
        return job

    def _count_refusal(self, visit: Visit, error: ScorelineError) -> None:
        self.totals.ended["refused"] += 1
        if visit.malformed:
            self.totals.malformed_refused += isinstance(error, Refused) and error.status_code in FAULTS
        elif (reason := str(error)) not in self._reported:
            self._reported.add(reason)
            self._report(reason)

    async def _label(self, job: Job, visit: Visit) -> None:
        if self._labels:
            await asyncio.sleep(visit.label_after_s)
            self._labels.write(job.id, visit.disease)
            self.totals.labels += 1
            self._show()

    def _show(self) -> None:
        self.totals.put_off = self._client.put_off
        self._show_totals(self.totals)
