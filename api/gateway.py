"""The services that the routes of one process use: they record jobs, wait for them, and read them."""

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
from api.events.watcher import JobWatcher, Subscription, ended_on_disconnect
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

LOOKUPS_AT_ONCE = 16
LOOKUPS_OF_A_KEY = 4
WAITER_BYTES = 4
"""The size of a process's random waiter name. Two processes of one name would receive each other's answers, too."""

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The services of one process: ledger, group commit, watcher, responses, DNS resolver, headroom and pace."""

    settings: Settings
    ledger: Ledger
    headroom: Headroom
    committer: Committer
    watcher: JobWatcher[Answer]
    answers: Answers
    resolver: Resolver
    pace: Pace
    waiter: str
    """The name of this process for workers: they send it the answers of jobs that were submitted with this waiter."""

    async def submit(self, job: NewJob) -> tuple[Answer, bool]:
        """Record the job durably; return it, and whether an earlier request had already created it.

        Raises KeyReused, KeyInUse, QuotaExceeded, and Backlogged above the backlog limit: then nothing was accepted.
        Raises LedgerUnavailable, or its subclass MemoryFull: then it is unknown whether the job was accepted, and a
        repeat with the same Idempotency-Key counts once.
        """
        self.headroom.check()
        status, id = await self.committer.commit(job)
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
        """Record the job; return it, and whether it existed before, once it has ended or `within_s` have passed.

        The wait also ends when the client disconnects. Raises what `submit` raises. If the ledger becomes unavailable
        after the submit, the latest answer is returned.
        """
        with self.watcher.subscribe(job.id) as subscription:  # before it is recorded: it may end at once
            submitted, replayed = await self.submit(job)
            if not replayed:
                return await wait_for_end(submitted, subscription, within_s, request), False
        id = str(submitted.job.id)
        with self.watcher.subscribe(id) as subscription:  # the first request's job, which may have ended by now
            earlier = await run_sync(self.ledger.answer, id, job.by)
            return await wait_for_end(earlier, subscription, within_s, request), True


async def wait_for_end(answer: Answer, subscription: Subscription[Answer], within_s: float, request: Request) -> Answer:
    """Return the answer once the job has ended; after `within_s` seconds, or once the client has left, the latest."""
    with suppress(TimeoutError), ended_on_disconnect(subscription, request):
        async with asyncio.timeout(within_s):
            while not answer.job.state.ended and (latest := await subscription.wait_for_update()):
                answer = latest
    return answer


async def gateway_of(request: Request) -> Gateway:
    """Return the gateway; `async`, because FastAPI calls other dependencies in a thread."""
    gateway: Gateway = request.app.state.gateway
    return gateway


CurrentGateway = Annotated[Gateway, Depends(gateway_of)]
"""A route's parameter that receives the gateway."""


@asynccontextmanager
async def open_gateway(
    settings: Settings,
    ledger: Ledger,
    commit: Callable[[Sequence[NewJob]], SubmitResult],
    headroom: Headroom,
    metrics: GatewayMetrics,
    threads: VitalThreads,
    pace: Pace,
) -> AsyncIterator[Gateway]:
    """Open the services for jobs, and close them when the block ends. `commit` records a group of jobs."""
    waiter = token_hex(WAITER_BYTES)
    async with AsyncExitStack() as stack:
        share = LOOKUPS_OF_A_KEY if settings.api_keys == "required" else LOOKUPS_AT_ONCE
        resolver = Resolver(private=settings.callback_private, threads=LOOKUPS_AT_ONCE, share=share)
        stack.callback(resolver.close)
        listen = partial(ledger.watch, waiter=waiter)
        watcher = CountedWatcher(listen, ledger.answers, threads, "job watcher", metrics)
        stack.push_async_callback(watcher.close)
        call_on_stop_signal(watcher.end_all_soon)
        committer = Committer(commit)
        stack.push_async_callback(committer.close)
        answers = Answers(settings, ledger, pace)
        yield Gateway(settings, ledger, headroom, committer, watcher, answers, resolver, pace, waiter)


@asynccontextmanager
async def open_files(
    settings: Settings, bulk: BatchBackends, gateway: Gateway, metrics: GatewayMetrics, threads: VitalThreads
) -> AsyncIterator[Files]:
    """Open the services for files, and close them when the block ends."""
    async with AsyncExitStack() as stack:
        uploads = Uploads(bulk.store, settings)
        stack.callback(uploads.close)
        batches = bulk.batches
        watcher = CountedWatcher(batches.watch, batches.read_all, threads, "batch watcher", metrics)
        stack.push_async_callback(watcher.close)
        call_on_stop_signal(watcher.end_all_soon)
        yield Files(settings, bulk, uploads, watcher, gateway.answers, gateway.resolver, gateway.headroom)


def call_on_stop_signal(callback: Callable[[], None]) -> None:
    """Call `callback` on SIGTERM and SIGINT, and then the handler that was installed before.

    Does nothing outside the main thread: Python allows signal handlers only there.
    """
    if threading.current_thread() is threading.main_thread():
        for name in STOP_SIGNALS:
            signal.signal(name, partial(_call_both, callback, signal.getsignal(name)))


def _call_both(callback: Callable[[], None], previous: Any, number: int, frame: FrameType | None) -> None:
    callback()
    if callable(previous):
        previous(number, frame)
