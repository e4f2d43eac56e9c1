"""Group commit: while one group of jobs is being committed, the jobs that arrive form the next group.

There is no timer and no added delay: a single job is committed at once, and under load the groups grow by themselves.
Large jobs have groups of their own, so that small ones do not wait for them: 10,000 records take some 20 ms.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from core.errors import LedgerUnavailable
from core.ledger.protocol import NewJob, SubmitResult, SubmitStatus
from core.transport.message import JOBS_IN_MESSAGE, RECORDS_IN_MESSAGE, SMALL_RECORDS

Decision = tuple[SubmitStatus, str]
"""The status of a submit, and the id of its job, which may be an earlier one."""

Waiting = tuple[NewJob, asyncio.Future[Decision]]

Commit = Callable[[Sequence[NewJob]], SubmitResult]
"""Records a group of jobs durably and notifies the workers, as `core.transport.queue.submit` does."""


class Committer:
    """Commits small jobs in groups, and large ones in groups of their own."""

    def __init__(self, commit: Commit) -> None:
        self._small, self._large = Lane(commit, "commit"), Lane(commit, "commit of large jobs")

    async def commit(self, job: NewJob) -> Decision:
        """Return once the job's group is durable. Raises LedgerUnavailable; then the job was not accepted.

        If a caller is canceled while it waits, the others of its group are not affected.
        """
        return await (self._small if len(job.rows) <= SMALL_RECORDS else self._large).commit(job)

    async def close(self) -> None:
        """Return when all that was submitted has been answered."""
        await self._small.close()
        await self._large.close()


class Lane:
    """Commits jobs in groups, one group at a time, in a thread of its own, so that the event loop never blocks."""

    def __init__(self, commit: Commit, name: str) -> None:
        self._commit = commit
        self._waiting: deque[Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, name)
        self._running: asyncio.Task[None] | None = None

    async def commit(self, job: NewJob) -> Decision:
        """Do what `Committer.commit` does."""
        future: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._commit_groups())
        return await future

    async def close(self) -> None:
        """Return when all that was submitted has been answered."""
        if self._running is not None:
            await self._running
        self._thread.shutdown()

    async def _commit_groups(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group = self._take_group()
            try:
                result = await loop.run_in_executor(self._thread, self._commit, [job for job, _ in group])
                decided = list(zip(group, result.statuses, strict=True))
            except Exception as error:  # each caller of the group gets it, and the next group is committed
                if isinstance(error, LedgerUnavailable):  # the jobs that wait would fail the same way: fail them now
                    group += self._waiting
                    self._waiting.clear()
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), decision in decided:
                if not future.done():
                    future.set_result(decision)

    def _take_group(self) -> list[Waiting]:
        group: list[Waiting] = []
        patients = 0
        while self._waiting and len(group) < JOBS_IN_MESSAGE:
            patients += len(self._waiting[0][0].rows)
            if group and patients > RECORDS_IN_MESSAGE:
                break
            group.append(self._waiting.popleft())
        return group
