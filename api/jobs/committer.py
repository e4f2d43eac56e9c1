"""Group commit: while one group is being written down, arriving submits gather into the next.

There is no timer and no added delay: alone, a job leaves at once; under load, groups grow by themselves. Large jobs are
committed beside small ones, in groups of their own: to write 10,000 records down takes some 20 ms, for which nobody
else need wait.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from core.errors import LedgerUnavailable
from core.ledger.protocol import NewJob, SubmitResult, SubmitStatus
from core.transport.message import JOBS_IN_MESSAGE, RECORDS_IN_MESSAGE, SMALL_RECORDS

Decision = tuple[SubmitStatus, str]
"""What became of a submit, and the id of the job that stands for it."""

Waiting = tuple[NewJob, asyncio.Future[Decision]]

Commit = Callable[[Sequence[NewJob]], SubmitResult]
"""Writes a group down and rings for it, as `core.transport.queue.submit` does."""


class Committer:
    """Commits small jobs in groups, and large ones beside them."""

    def __init__(self, commit: Commit) -> None:
        self._small, self._large = Lane(commit, "commit"), Lane(commit, "commit of large jobs")

    async def submit(self, job: NewJob) -> Decision:
        """Return once the job's group is durable. Raises LedgerUnavailable, and then it was not accepted.

        A caller that is canceled while it waits does no harm to the others of its group.
        """
        return await (self._small if len(job.rows) <= SMALL_RECORDS else self._large).submit(job)

    async def close(self) -> None:
        """Return when all that was submitted has been answered."""
        await self._small.close()
        await self._large.close()


class Lane:
    """Commits jobs in groups, one group in flight, in a thread of its own so that the event loop never blocks."""

    def __init__(self, commit: Commit, name: str) -> None:
        self._commit = commit
        self._waiting: deque[Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, name)
        self._running: asyncio.Task[None] | None = None

    async def submit(self, job: NewJob) -> Decision:
        """Do what `Committer.submit` does."""
        future: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await future

    async def close(self) -> None:
        """Return when all that was submitted has been answered."""
        if self._running is not None:
            await self._running
        self._thread.shutdown()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group = self._take()
            try:
                result = await loop.run_in_executor(self._thread, self._commit, [job for job, _ in group])
                decided = list(zip(group, result.statuses, strict=True))
            except Exception as error:  # whatever it is, it is each caller's answer, and the next group's turn
                if isinstance(error, LedgerUnavailable):  # who gathered behind it need not wait for the same
                    group += self._waiting
                    self._waiting.clear()
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), decision in decided:
                if not future.done():
                    future.set_result(decision)

    def _take(self) -> list[Waiting]:
        group: list[Waiting] = []
        patients = 0
        while self._waiting and len(group) < JOBS_IN_MESSAGE:
            patients += len(self._waiting[0][0].rows)
            if group and patients > RECORDS_IN_MESSAGE:
                break
            group.append(self._waiting.popleft())
        return group
