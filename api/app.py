"""Assembles the gateway: its services, its routes and its middleware."""

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
from api.http.connection import CONNECTION_LIMITS
from api.http.connection_limits import ConnectionLimits
from api.http.errors import UnexpectedErrors
from api.http.metrics import MetricsMiddleware, measured_commit
from api.http.openapi import add_schemas, include_docs, name_operation
from api.http.problem import Problem, RenderProblem, add_problem_handlers
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
"""What pages of the origins in `SCORELINE_CORS_ORIGINS` may send and read."""

FAST_ROUTES: dict[str, Submit] = {"/v1/jobs": jobs.submit, "/api/prediction": prediction.predict}
"""The routes that the fast path serves, by path."""


def telemetry_config(*, traced: bool) -> TelemetryConfig:
    """Return which telemetry FastAPI sends to OpenTelemetry: one span a request if `traced`, and nothing else.

    To check for each request whether it is traced would cost 5 % of the request. FastAPI's own logs would contain the
    text of errors.
    """
    return {"tracing": traced, "metrics": False, "logs": False, "operation_spans": False}


def make_app(
    settings: Settings,
    ledger: Ledger,
    send: Send,
    bulk: BatchBackends | None = None,
    histograms: Histograms | None = None,
    read_server: Callable[[], ServerStats] | None = None,
    auth: AuthServices | None = None,
    metrics: GatewayMetrics | None = None,
    continuity: Continuity | None = None,
) -> FastAPI:
    """Return the gateway over this ledger and this queue.

    Without `bulk` it has no routes for files, without `histograms` none for the model, and without `auth` it asks for
    no key. `read_server` reads the memory use of Redis for `Headroom`. The gateway counts in `metrics`; the caller
    exports them. With `continuity` it notices if the ledger has lost data.
    """
    traced, pace = is_traced(), Pace()
    metrics = metrics or GatewayMetrics(CollectorRegistry())
    commit = (
        measured_commit(partial(submit, ledger, send), metrics) if settings.metrics else partial(submit, ledger, send)
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, ConnectionLimits]]:
        limits, headroom = ConnectionLimits(settings, metrics), Headroom(read_server, settings.memory_share)
        async with AsyncExitStack() as stack:
            stack.enter_context(continuity.running() if continuity else nullcontext())
            opened = open_gateway(settings, ledger, commit, headroom, metrics, tasks.threads, pace)
            app.state.gateway = gateway = await stack.enter_async_context(opened)
            if bulk:
                opened_files = open_files(settings, bulk, gateway, metrics, tasks.threads)
                app.state.files = await stack.enter_async_context(opened_files)
            stack.callback(tasks.start("connection limits", limits.check_forever()).cancel)
            if read_server:
                stack.callback(tasks.start("headroom", headroom.watch_memory()).cancel)
            yield {CONNECTION_LIMITS: limits}

    app = make_bare_app(lifespan, traced=traced)
    app.state.tasks = tasks = VitalTasks()
    add_routes(app, bulk, histograms)
    pages = {
        "with_files": bulk is not None,
        "with_model": histograms is not None,
        "keys_required": auth is not None,
    }
    render = include_pages(app, **pages)
    add_middlewares(app, settings, metrics, render, auth, pace, traced=traced)
    add_schemas(app, [Patient, jobs.Patients, Problem, Options])
    return app


def make_bare_app(lifespan: Lifespan[FastAPI], *, traced: bool) -> FastAPI:
    """Return an app that has only its documentation; /docs loads nothing from another server."""
    app = FastAPI(
        title="Scoreline",
        version="1",
        description=ABOUT,
        openapi_url=None,
        redirect_slashes=False,  # a redirect would repeat the query
        lifespan=lifespan,
        telemetry=telemetry_config(traced=traced),
        generate_unique_id_function=name_operation,
    )
    include_docs(app)
    return app


def add_routes(app: FastAPI, bulk: BatchBackends | None, histograms: Histograms | None) -> None:
    """Add the routes of jobs, events, prediction and health, and those of files and of the model where they exist."""
    for router in (jobs.routes, events.job_routes, prediction.routes, health.routes):
        app.include_router(router)
    if bulk:
        for router in (batches.routes, events.batch_routes):
            app.include_router(router)
    if histograms:
        app.state.histograms = histograms
        app.include_router(model.routes)


def add_middlewares(
    app: FastAPI,
    settings: Settings,
    metrics: GatewayMetrics,
    render: RenderProblem,
    auth: AuthServices | None,
    pace: Pace,
    *,
    traced: bool,
) -> None:
    """Add the middleware, the innermost first. If `traced` there is no fast path: only FastAPI makes spans."""
    fast_paths = {} if traced else FAST_ROUTES
    if fast_paths:
        app.add_middleware(FastPath, routes=fast_paths)
    add_authentication(app, auth, pace, render, metrics.refused)
    add_problem_handlers(app, render)
    app.add_middleware(UnexpectedErrors, render=render, fast_paths=fast_paths)
    if settings.cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.cors_origins.split(), **CORS)
    app.add_middleware(SecurityMiddleware, settings=settings, render=render)
    observers: list[ResponseObserver] = [MetricsMiddleware(metrics, fast_paths)] if settings.metrics else []
    if settings.log_requests:
        observers.append(LoggingMiddleware(fast_paths))
    app.add_middleware(RequestIdMiddleware, traced=traced, observers=observers)
