"""What the routes stand on: takes patients, writes jobs down, reads them back. One in each process."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Depends, Request

from api.committer import Committer
from api.headroom import Headroom
from api.leaving import dismissed_when_gone
from api.notices import Notice, Notices
from api.quotas import too_many_rows
from contract.address import Resolver
from contract.errors import Backlogged, KeyInUse, KeyReused
from contract.job import Job, State
from contract.ledger.protocol import Ledger, NewJob, Verdict
from contract.ledger.record import time_of_id
from contract.settings import Settings


@dataclass(frozen=True, slots=True)
class Gateway:
    """The settings, the ledger and its headroom, and who writes, waits and looks up names, of one process."""

    settings: Settings
    ledger: Ledger
    committer: Committer
    notices: Notices[Job]
    resolver: Resolver
    headroom: Headroom

    async def submit(self, job: NewJob) -> tuple[Job, bool]:
        """Write the job down; return it, and whether it was there before.

        Raises KeyReused, KeyInUse, QuotaExceeded, and Backlogged above the backlog limit: then nothing was accepted.
        Raises LedgerUnavailable, of which MemoryFull is one: then it is not known, and a repeat with the same
        Idempotency-Key counts once.
        """
        self.headroom.check()
        verdict, id = await self.committer.submit(job)
        if verdict is Verdict.ACCEPTED:
            uuid = UUID(id)
            return Job(id=uuid, state=State.QUEUED, patients=len(job.rows), accepted_at=time_of_id(uuid)), False
        if verdict is Verdict.REPLAYED:
            return await run_sync(self.ledger.read, id, job.by), True
        if verdict is Verdict.MISMATCH:
            raise KeyReused
        if verdict is Verdict.BUSY:
            raise KeyInUse(retry_after_s=1)
        if verdict is Verdict.MANY_ROWS:
            raise too_many_rows()
        load = await run_sync(self.ledger.load)
        raise Backlogged(retry_after_s=load.room_in_s(self.settings.backlog_limit))

    async def submit_and_wait(self, job: NewJob, within_s: float, request: Request) -> tuple[Job, bool]:
        """Write the job down; return it once it has ended, or as it was last seen after `within_s` seconds.

        A client that leaves is not waited for. Raises as `submit` does; a ledger that goes away afterwards only ends
        the wait.
        """
        with self.notices.of(job.id) as notice:  # before it is written down: it may end at once
            submitted, before = await self.submit(job)
            if not before:
                return await wait(submitted, notice, within_s, request), False
        with self.notices.of(str(submitted.id)) as notice:  # of the first request's job, which may have ended by now
            earlier = await run_sync(self.ledger.read, str(submitted.id), job.by)
            return await wait(earlier, notice, within_s, request), True


async def wait(job: Job, notice: Notice[Job], within_s: float, request: Request) -> Job:
    """Return the job once it has ended, or as it was last seen after `within_s` seconds, or when the client left."""
    with suppress(TimeoutError), dismissed_when_gone(notice, request):
        async with asyncio.timeout(within_s):
            while not job.state.ended and (told := await notice.next()):
                job = told
    return job


async def gateway_of(request: Request) -> Gateway:
    """Return the gateway that serves the request; `async`, or each request would pass through a thread."""
    gateway: Gateway = request.app.state.gateway
    return gateway


Here = Annotated[Gateway, Depends(gateway_of)]
"""A route's parameter that is given the gateway."""
