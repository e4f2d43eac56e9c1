"""Opens what the routes of one process stand on, and closes it again."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from secrets import token_hex

from api.answers import Answers
from api.committer import Committer
from api.files import Bulk, Files
from api.gateway import Gateway
from api.headroom import Headroom
from api.measuring import CountedNotices
from api.pace import Pace
from api.stopping import when_told_to_stop
from api.upload import Uploads
from contract.address import Resolver
from contract.ledger.protocol import Ledger, NewJob, Receipt
from contract.settings import Settings
from monitoring.instrument import GatewayMetrics
from monitoring.vital import VitalThreads

LOOKUPS_AT_ONCE = 16
LOOKUPS_OF_A_KEY = 4
WAITER_BYTES = 4
"""Of the name that workers know a process by. Two of the same name would be sent each other's answers as well."""


@asynccontextmanager
async def open_gateway(
    settings: Settings,
    ledger: Ledger,
    write: Callable[[Sequence[NewJob]], Receipt],
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
        notices = CountedNotices(listen, ledger.answers, vital, "notices of jobs", metrics)
        closing.push_async_callback(notices.close)
        when_told_to_stop(notices.dismiss_soon)
        committer = Committer(write)
        closing.push_async_callback(committer.close)
        answers = Answers(settings, ledger, pace)
        yield Gateway(settings, ledger, headroom, committer, notices, answers, resolver, pace, waiter)


@asynccontextmanager
async def open_files(
    settings: Settings, bulk: Bulk, gateway: Gateway, metrics: GatewayMetrics, vital: VitalThreads
) -> AsyncIterator[Files]:
    """Give what serves files beside the gateway, until the block is left."""
    async with AsyncExitStack() as closing:
        uploads = Uploads(bulk.store, settings)
        closing.callback(uploads.close)
        batches = bulk.batches
        notices = CountedNotices(batches.watch, batches.read_all, vital, "notices of batches", metrics)
        closing.push_async_callback(notices.close)
        when_told_to_stop(notices.dismiss_soon)
        yield Files(settings, bulk, uploads, notices, gateway.answers, gateway.resolver, gateway.headroom)
