"""Puts the gateway together."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Lifespan

from api import health
from api.auth.authentication import AuthServices, add_authentication
from api.batches import routes as batches
from api.batches.options import Options
from api.batches.service import BatchBackends
from api.events import stream as events
from api.gateway import open_files, open_gateway
from api.headroom import Headroom
from api.health import VitalTasks
from api.http.connection import WATCH
from api.http.connection_limits import ConnectionLimits
from api.http.errors import UnexpectedErrors
from api.http.metrics import MetricsMiddleware, measured_commit
from api.http.openapi import describe, include_docs, name_operation
from api.http.problem import Problem, RenderProblem, answer_problems
from api.http.request_id import LoggingMiddleware, RequestIdMiddleware, ResponseObserver
from api.http.security import SecurityMiddleware
from api.jobs import predict as prediction
from api.jobs import routes as jobs
from api.jobs.fast_path import FastPath, Submit
from api.models import routes as model
from api.pace import Pace
from api.pages.routes import include_pages
from core.ledger.continuity import Continuity
from core.ledger.protocol import Ledger
from core.ledger.redis.histograms import Histograms
from core.ledger.stats import ServerStats
from core.schema.patient import Patient
from core.settings import Settings
from core.transport.queue import Send, submit
from monitoring.instrument import GatewayMetrics
from monitoring.tracing import is_traced

ABOUT = """Scores patients for the risk of heart disease, off a queue, and never loses one.

`risk` is the probability of disease (a major vessel narrowed by more than 50 %). It is no medical device.
"""


CORS: dict[str, Any] = {
    "allow_methods": ("GET", "POST", "DELETE"),
    "allow_headers": ("*",),
    "expose_headers": (
        *("Location", "Retry-After", "Idempotent-Replayed", "Preference-Applied", "Content-Disposition"),
        *("RateLimit", "RateLimit-Policy", "X-Request-ID"),
    ),
}
"""What pages of the origins that were named may send and read."""

SUBMITS: dict[str, Submit] = {"/v1/jobs": jobs.submit, "/api/prediction": prediction.predict}
"""The routes that are worth a short way, by their paths."""


def telemetry(*, traced: bool) -> TelemetryConfig:
    """Return what FastAPI is to tell OpenTelemetry: of each request a span, if any is `traced`.

    Asking each time whether it is would cost a twentieth of a request. A log of its would hold the text of errors.
    """
    return {"tracing": traced, "metrics": False, "logs": False, "operation_spans": False}


def make_app(
    settings: Settings,
    ledger: Ledger,
    send: Send,
    bulk: BatchBackends | None = None,
    histograms: Histograms | None = None,
    server: Callable[[], ServerStats] | None = None,
    auth: AuthServices | None = None,
    metrics: GatewayMetrics | None = None,
    continuity: Continuity | None = None,
) -> FastAPI:
    """Return the gateway over this ledger and this queue; the documentation at /docs needs no other server.

    Without a place for files it takes none, and without histograms it tells nothing of the model. Without keepers it
    has no gate, and everyone is let in. `server` says how the Redis stands, for the headroom. It counts in `metrics`,
    which are shown elsewhere. With `continuity` it sees whether the ledger is still what it was.
    """

    traced, pace = is_traced(), Pace()
    metrics = metrics or GatewayMetrics(CollectorRegistry())
    write = (
        measured_commit(partial(submit, ledger, send), metrics) if settings.metrics else partial(submit, ledger, send)
    )

    @asynccontextmanager
    async def serve(app: FastAPI) -> AsyncIterator[dict[str, ConnectionLimits]]:
        watch, headroom = ConnectionLimits(settings, metrics), Headroom(server, settings.memory_share)
        async with AsyncExitStack() as closing:
            closing.enter_context(continuity.running() if continuity else nullcontext())
            opened = open_gateway(settings, ledger, write, headroom, metrics, vitals.threads, pace)
            app.state.gateway = here = await closing.enter_async_context(opened)
            if bulk:
                beside = open_files(settings, bulk, here, metrics, vitals.threads)
                app.state.files = await closing.enter_async_context(beside)
            closing.callback(vitals.start("watch", watch.keep()).cancel)
            if server:
                closing.callback(vitals.start("headroom", headroom.keep()).cancel)
            yield {WATCH: watch}

    app = bare_app(serve, traced=traced)
    app.state.vitals = vitals = VitalTasks()
    add_routes(app, bulk, histograms)
    pages = {
        "takes_files": bulk is not None,
        "knows_model": histograms is not None,
        "asks_for_keys": auth is not None,
    }
    show = include_pages(app, **pages)
    wrap(app, settings, metrics, show, auth, pace, traced=traced)
    describe(app, [Patient, jobs.Patients, Problem, Options])
    return app


def bare_app(serve: Lifespan[FastAPI], *, traced: bool) -> FastAPI:
    """Return an app that answers nothing yet, and documents itself without any other server."""
    app = FastAPI(
        title="Scoreline",
        version="1",
        description=ABOUT,
        openapi_url=None,
        redirect_slashes=False,  # which would repeat the query
        lifespan=serve,
        telemetry=telemetry(traced=traced),
        generate_unique_id_function=name_operation,
    )
    include_docs(app)
    return app


def add_routes(app: FastAPI, bulk: BatchBackends | None, histograms: Histograms | None) -> None:
    """Have the app answer everything that it can."""
    for router in (jobs.routes, events.job_routes, prediction.routes, health.routes):
        app.include_router(router)
    if bulk:
        for router in (batches.routes, events.batch_routes):
            app.include_router(router)
    if histograms:
        app.state.histograms = histograms
        app.include_router(model.routes)


def wrap(
    app: FastAPI,
    settings: Settings,
    metrics: GatewayMetrics,
    show: RenderProblem,
    auth: AuthServices | None,
    pace: Pace,
    *,
    traced: bool,
) -> None:
    """Lay around the routes what sees each request; FastAPI's own way is the one that can be `traced`."""
    short = {} if traced else SUBMITS
    if short:
        app.add_middleware(FastPath, submits=short)
    add_authentication(app, auth, pace, show, metrics.refused)
    answer_problems(app, show)
    app.add_middleware(UnexpectedErrors, show=show, short=short)
    if settings.cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.cors_origins.split(), **CORS)
    app.add_middleware(SecurityMiddleware, settings=settings, show=show)
    witnesses: list[ResponseObserver] = [MetricsMiddleware(metrics, short)] if settings.metrics else []
    if settings.log_requests:
        witnesses.append(LoggingMiddleware(short))
    app.add_middleware(RequestIdMiddleware, traced=traced, witnesses=witnesses)
