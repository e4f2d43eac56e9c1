"""What the routes of one process stand on, opened and closed with it: takes records, writes jobs down, reads them."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from types import FrameType
from typing import Annotated, Any
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Depends, Request

from api.auth.quotas import backlogged, too_many_results, too_many_rows
from api.batches.service import BatchBackends, Files
from api.batches.upload import Uploads
from api.events.watcher import JobWatcher, Subscription, dismissed_when_gone
from api.headroom import Headroom
from api.http.metrics import CountedWatcher
from api.jobs.answers import Answers
from api.jobs.committer import Committer
from api.pace import Pace
from core.address import Resolver
from core.errors import KeyInUse, KeyReused
from core.ids import time_of_id
from core.ledger.answer import Answer
from core.ledger.job import Job, State
from core.ledger.protocol import Ledger, NewJob, SubmitResult, SubmitStatus
from core.settings import Settings
from monitoring.instrument import GatewayMetrics
from monitoring.vital import VitalThreads


@dataclass(frozen=True, slots=True)
class Gateway:
    """The settings, the ledger, its headroom and the pace, and who writes, waits and looks up names, of one process."""

    settings: Settings
    ledger: Ledger
    headroom: Headroom
    committer: Committer
    watcher: JobWatcher[Answer]
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
        status, id = await self.committer.submit(job)
        if status is SubmitStatus.ACCEPTED:
            uuid = UUID(id)
            queued = Job(id=uuid, state=State.QUEUED, patients=len(job.rows), accepted_at=time_of_id(uuid))
            return Answer(queued), False
        if status is SubmitStatus.REPLAYED:
            return await run_sync(self.ledger.answer, id, job.by), True
        if status is SubmitStatus.MISMATCH:
            raise KeyReused
        if status is SubmitStatus.BUSY:
            raise KeyInUse(retry_after_s=1)
        if status is SubmitStatus.MANY_ROWS:
            raise too_many_rows()
        if status is SubmitStatus.MANY_RESULTS:
            raise too_many_results()
        raise backlogged(status, await run_sync(self.ledger.load), self.settings.backlog_limit)

    async def submit_and_wait(self, job: NewJob, within_s: float, request: Request) -> tuple[Answer, bool]:
        """Write the job down; return it once it has ended, or as it was last seen after `within_s` seconds.

        A client that leaves is not waited for. Raises as `submit` does; a ledger that goes away afterwards only ends
        the wait.
        """
        with self.watcher.of(job.id) as subscription:  # before it is written down: it may end at once
            submitted, before = await self.submit(job)
            if not before:
                return await wait(submitted, subscription, within_s, request), False
        id = str(submitted.job.id)
        with self.watcher.of(id) as subscription:  # of the first request's job, which may have ended by now
            earlier = await run_sync(self.ledger.answer, id, job.by)
            return await wait(earlier, subscription, within_s, request), True


async def wait(answer: Answer, subscription: Subscription[Answer], within_s: float, request: Request) -> Answer:
    """Return the answer once the job has ended, or as it was last seen after `within_s` seconds.

    It is that one as well when the client has left.
    """
    with suppress(TimeoutError), dismissed_when_gone(subscription, request):
        async with asyncio.timeout(within_s):
            while not answer.job.state.ended and (told := await subscription.next()):
                answer = told
    return answer


async def gateway_of(request: Request) -> Gateway:
    """Return the gateway that serves the request; `async`, or each request would pass through a thread."""
    gateway: Gateway = request.app.state.gateway
    return gateway


CurrentGateway = Annotated[Gateway, Depends(gateway_of)]
"""A route's parameter that is given the gateway."""


LOOKUPS_AT_ONCE = 16
LOOKUPS_OF_A_KEY = 4
WAITER_BYTES = 4
"""Of the name that workers know a process by. Two of the same name would be sent each other's answers as well."""


@asynccontextmanager
async def open_gateway(
    settings: Settings,
    ledger: Ledger,
    write: Callable[[Sequence[NewJob]], SubmitResult],
    headroom: Headroom,
    metrics: GatewayMetrics,
    vital: VitalThreads,
    pace: Pace,
) -> AsyncIterator[Gateway]:
    """Give what serves jobs, which are written down by `write`, until the block is left."""
    waiter = token_hex(WAITER_BYTES)
    async with AsyncExitStack() as closing:
        share = LOOKUPS_OF_A_KEY if settings.api_keys == "required" else LOOKUPS_AT_ONCE
        resolver = Resolver(private=settings.callback_private, threads=LOOKUPS_AT_ONCE, share=share)
        closing.callback(resolver.close)
        listen = partial(ledger.watch, waiter=waiter)
        watcher = CountedWatcher(listen, ledger.answers, vital, "notices of jobs", metrics)
        closing.push_async_callback(watcher.close)
        when_told_to_stop(watcher.dismiss_soon)
        committer = Committer(write)
        closing.push_async_callback(committer.close)
        answers = Answers(settings, ledger, pace)
        yield Gateway(settings, ledger, headroom, committer, watcher, answers, resolver, pace, waiter)


@asynccontextmanager
async def open_files(
    settings: Settings, bulk: BatchBackends, gateway: Gateway, metrics: GatewayMetrics, vital: VitalThreads
) -> AsyncIterator[Files]:
    """Give what serves files beside the gateway, until the block is left."""
    async with AsyncExitStack() as closing:
        uploads = Uploads(bulk.store, settings)
        closing.callback(uploads.close)
        batches = bulk.batches
        watcher = CountedWatcher(batches.watch, batches.read_all, vital, "notices of batches", metrics)
        closing.push_async_callback(watcher.close)
        when_told_to_stop(watcher.dismiss_soon)
        yield Files(settings, bulk, uploads, watcher, gateway.answers, gateway.resolver, gateway.headroom)


STOPS = (signal.SIGTERM, signal.SIGINT)


def when_told_to_stop(act: Callable[[], None]) -> None:
    """Have `act` called when a signal tells the process to stop, and then the handler that was there before.

    Does nothing outside the main thread, where no signal arrives.
    """
    if threading.current_thread() is threading.main_thread():
        for name in STOPS:
            signal.signal(name, partial(_first, act, signal.getsignal(name)))


def _first(act: Callable[[], None], then: Any, number: int, frame: FrameType | None) -> None:
    act()
    if callable(then):
        then(number, frame)
