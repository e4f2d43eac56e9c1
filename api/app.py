"""Puts the gateway together."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline

from api import batches, events, health, jobs, prediction
from api.committer import Committer
from api.files import Bulk, Files
from api.gateway import Gateway
from api.identity import Identified, Logged, Told
from api.measuring import CountedNotices, Measured, make_metrics, measured
from api.problem import answer_problems
from api.short_way import ShortWay, Submit
from api.stopping import when_told_to_stop
from api.upload import Uploads
from contract.address import Resolver
from contract.ledger.protocol import Ledger
from contract.queue import Send, submit
from contract.settings import Settings
from monitoring.instrument import GatewayMetrics
from monitoring.tracing import is_traced

LOOKUPS_AT_ONCE = 16

ABOUT = """Scores patients for the risk of heart disease, off a queue, and never loses one.

`risk` is the probability of disease (a major vessel narrowed by more than 50 %). It is no medical device.
"""


SUBMITS: dict[str, Submit] = {"/v1/jobs": jobs.submit, "/api/prediction": prediction.predict}
"""The routes that are worth a short way, by their paths."""


def telemetry(*, traced: bool) -> TelemetryConfig:
    """Return what FastAPI is to tell OpenTelemetry: of each request a span, if any is `traced`.

    Asking each time whether it is would cost a twentieth of a request. A log of its would hold the text of errors.
    """
    return {"tracing": traced, "metrics": False, "logs": False, "operation_spans": False}


def make_app(settings: Settings, ledger: Ledger, send: Send, bulk: Bulk | None = None) -> FastAPI:
    """Return the gateway over this ledger and this queue; the documentation at /docs needs no other server.

    Without a place for files it takes none.
    """

    traced, metrics, shown = is_traced(), *make_metrics(ledger, bulk)
    write = measured(partial(submit, ledger, send), metrics) if settings.metrics else partial(submit, ledger, send)

    @asynccontextmanager
    async def serve(app: FastAPI) -> AsyncIterator[None]:
        committer, notices = Committer(write), CountedNotices(ledger, metrics)
        resolver = Resolver(private=settings.callback_private, threads=LOOKUPS_AT_ONCE)
        app.state.gateway = Gateway(settings, ledger, committer, notices, resolver)
        when_told_to_stop(notices.dismiss_soon)
        async with AsyncExitStack() as closing:
            closing.callback(resolver.close)
            closing.push_async_callback(notices.close)
            closing.push_async_callback(committer.close)
            if bulk:
                app.state.files = files = Files(
                    settings, bulk, Uploads(bulk.store, settings), CountedNotices(bulk.batches, metrics), resolver
                )
                when_told_to_stop(files.notices.dismiss_soon)
                closing.push_async_callback(files.notices.close)
                closing.callback(files.uploads.close)
            yield

    app = FastAPIOffline(
        title="Scoreline",
        version="1",
        description=ABOUT,
        redoc_url=None,
        lifespan=serve,
        telemetry=telemetry(traced=traced),
    )
    for router in (jobs.routes, events.job_routes, prediction.routes, health.routes):
        app.include_router(router)
    if bulk:
        for router in (batches.routes, events.batch_routes):
            app.include_router(router)
    if settings.metrics:
        app.include_router(shown)
    wrap(app, settings, metrics, traced=traced)
    return app


def wrap(app: FastAPI, settings: Settings, metrics: GatewayMetrics, *, traced: bool) -> None:
    """Lay around the routes what sees each request; FastAPI's own way is the one that can be `traced`."""
    short = {} if traced else SUBMITS
    if short:
        app.add_middleware(ShortWay, submits=short)
    answer_problems(app)
    told: list[Told] = [Measured(metrics, short)] if settings.metrics else []
    if settings.log_requests:
        told.append(Logged(short))
    app.add_middleware(Identified, traced=traced, told=told)
