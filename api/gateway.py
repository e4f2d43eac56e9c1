"""What the routes stand on: takes patients, writes jobs down, reads them back. One in each process."""

import asyncio
import math
import time
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Depends, Request

from api.committer import Committer
from contract.errors import Backlogged, KeyInUse, KeyReused
from contract.job import Job, State
from contract.ledger.protocol import Ledger, NewJob, Verdict
from contract.ledger.record import time_of_id
from contract.settings import Settings

LONGEST_RETRY_S = 60
FIRST_LOOK_S, LONGEST_LOOK_S = 0.002, 0.05


@dataclass(frozen=True, slots=True)
class Gateway:
    """The settings, the ledger and the committer of one process."""

    settings: Settings
    ledger: Ledger
    committer: Committer

    async def submit(self, job: NewJob) -> tuple[Job, bool]:
        """Write the job down; return it, and whether it was there before.

        Raises KeyReused, KeyInUse, Backlogged above the backlog limit, and LedgerUnavailable; in each case
        nothing was accepted.
        """
        verdict, id = await self.committer.submit(job)
        if verdict is Verdict.ACCEPTED:
            uuid = UUID(id)
            return Job(id=uuid, state=State.QUEUED, patients=len(job.rows), accepted_at=time_of_id(uuid)), False
        if verdict is Verdict.REPLAYED:
            return await run_sync(self.ledger.read, id), True
        if verdict is Verdict.MISMATCH:
            raise KeyReused
        if verdict is Verdict.BUSY:
            raise KeyInUse(retry_after_s=1)
        raise Backlogged(retry_after_s=await run_sync(self._drained_in_s))

    async def wait(self, job: Job, within_s: float) -> Job:
        """Return the job once it has ended, or as it is after `within_s` seconds."""
        end_s, look_s = time.monotonic() + within_s, FIRST_LOOK_S
        state: State | None = job.state
        while state is not None and not state.ended and time.monotonic() < end_s:
            await asyncio.sleep(look_s)
            look_s = min(look_s * 1.5, LONGEST_LOOK_S)
            state = await run_sync(self.ledger.state, str(job.id))
        return await run_sync(self.ledger.read, str(job.id))

    def _drained_in_s(self) -> int:
        """Return the seconds until a tenth of the limit is free, at the rate of late; 1 to 60."""
        load, limit = self.ledger.load(), self.settings.backlog_limit
        surplus = load.backlog_patients - 0.9 * limit
        return (
            max(1, min(LONGEST_RETRY_S, math.ceil(surplus / load.drain_per_s))) if load.drain_per_s else LONGEST_RETRY_S
        )


def gateway_of(request: Request) -> Gateway:
    """Return the gateway that serves the request."""
    gateway: Gateway = request.app.state.gateway
    return gateway


Here = Annotated[Gateway, Depends(gateway_of)]
"""A route's parameter that is given the gateway."""
