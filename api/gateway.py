"""What the routes stand on: takes patients, writes jobs down, reads them back. One in each process."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Depends, Request

from api.answers import Answers
from api.committer import Committer
from api.headroom import Headroom
from api.leaving import dismissed_when_gone
from api.notices import Notice, Notices
from api.pace import Pace
from api.quotas import backlogged, too_many_results, too_many_rows
from contract.address import Resolver
from contract.answer import Answer
from contract.errors import KeyInUse, KeyReused
from contract.job import Job, State
from contract.ledger.protocol import Ledger, NewJob, Verdict
from contract.ledger.record import time_of_id
from contract.settings import Settings


@dataclass(frozen=True, slots=True)
class Gateway:
    """The settings, the ledger, its headroom and the pace, and who writes, waits and looks up names, of one process."""

    settings: Settings
    ledger: Ledger
    headroom: Headroom
    committer: Committer
    notices: Notices[Answer]
    answers: Answers
    resolver: Resolver
    pace: Pace
    waiter: str
    """What workers know this process by: a job that is submitted with it as its waiter sends its answer along."""

    async def submit(self, job: NewJob) -> tuple[Answer, bool]:
        """Write the job down; return it, and whether it was there before.

        Raises KeyReused, KeyInUse, QuotaExceeded, and Backlogged above the backlog limit: then nothing was accepted.
        Raises LedgerUnavailable, of which MemoryFull is one: then it is not known, and a repeat with the same
        Idempotency-Key counts once.
        """
        self.headroom.check()
        verdict, id = await self.committer.submit(job)
        if verdict is Verdict.ACCEPTED:
            uuid = UUID(id)
            queued = Job(id=uuid, state=State.QUEUED, patients=len(job.rows), accepted_at=time_of_id(uuid))
            return Answer(queued), False
        if verdict is Verdict.REPLAYED:
            return await run_sync(self.ledger.answer, id, job.by), True
        if verdict is Verdict.MISMATCH:
            raise KeyReused
        if verdict is Verdict.BUSY:
            raise KeyInUse(retry_after_s=1)
        if verdict is Verdict.MANY_ROWS:
            raise too_many_rows()
        if verdict is Verdict.MANY_RESULTS:
            raise too_many_results()
        raise backlogged(verdict, await run_sync(self.ledger.load), self.settings.backlog_limit)

    async def submit_and_wait(self, job: NewJob, within_s: float, request: Request) -> tuple[Answer, bool]:
        """Write the job down; return it once it has ended, or as it was last seen after `within_s` seconds.

        A client that leaves is not waited for. Raises as `submit` does; a ledger that goes away afterwards only ends
        the wait.
        """
        with self.notices.of(job.id) as notice:  # before it is written down: it may end at once
            submitted, before = await self.submit(job)
            if not before:
                return await wait(submitted, notice, within_s, request), False
        id = str(submitted.job.id)
        with self.notices.of(id) as notice:  # of the first request's job, which may have ended by now
            earlier = await run_sync(self.ledger.answer, id, job.by)
            return await wait(earlier, notice, within_s, request), True


async def wait(answer: Answer, notice: Notice[Answer], within_s: float, request: Request) -> Answer:
    """Return the answer once the job has ended, or as it was last seen after `within_s` seconds.

    It is that one as well when the client has left.
    """
    with suppress(TimeoutError), dismissed_when_gone(notice, request):
        async with asyncio.timeout(within_s):
            while not answer.job.state.ended and (told := await notice.next()):
                answer = told
    return answer


async def gateway_of(request: Request) -> Gateway:
    """Return the gateway that serves the request; `async`, or each request would pass through a thread."""
    gateway: Gateway = request.app.state.gateway
    return gateway


Here = Annotated[Gateway, Depends(gateway_of)]
"""A route's parameter that is given the gateway."""
