"""Measures the gateway: its requests from outside all else, its groups, and who waits; and shows it at /metrics."""

import asyncio
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import parent_process
from pathlib import Path
from typing import TypeVar

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.types import Message, Scope
from typing_extensions import override

from api.files import Bulk
from api.notices import Notice, Notices, Watched
from contract.ledger.histograms import Histograms
from contract.ledger.protocol import Ledger, NewJob, Receipt
from contract.ledger.survey import Server
from contract.queue import BULK, INTERACTIVE, limits_of
from contract.settings import Settings
from monitoring.drift_gauges import DriftGauges
from monitoring.instrument import GatewayMetrics
from monitoring.limits import Limits
from monitoring.processes import Processes
from monitoring.redis_gauges import RedisGauges
from monitoring.sharing import FOLDER, Shared, join
from monitoring.standing import Standing

T = TypeVar("T")
Commit = Callable[[Sequence[NewJob]], Receipt]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER_METHOD, NO_ROUTE = "other", "none"
COUNT_AFTER_S = 0.25  # one count for all answers of that time costs a tenth of one for each


class Measured:
    """Counts each answer and the seconds until it began, those of a moment together.

    `short` are the paths of the short way.
    """

    def __init__(self, metrics: GatewayMetrics, short: Collection[str]) -> None:
        self._metrics = metrics
        self._short = short
        self._answers: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)  # bounded, as all three are

    def __call__(self, scope: Scope, message: Message, seconds: float) -> None:
        """Note the answer that begins with this message."""
        if not self._answers:
            asyncio.get_running_loop().call_later(COUNT_AFTER_S, self._count)
        self._answers[method_of(scope), template_of(scope, self._short), message["status"]].append(seconds)

    def _count(self) -> None:
        for (method, route, status), seconds in self._answers.items():
            self._metrics.requests.labels(method, route, status).inc(len(seconds))
            self._metrics.request_seconds.labels(method, route).observe_all(seconds)
        self._answers.clear()


def template_of(scope: Scope, short: Collection[str]) -> str:
    """Return the template of the route that answers; it is known once one was found, or the path is a short one."""
    route = scope.get("route")
    path: str = scope["path"] if route is None else route.path
    return path if route is not None or path in short else NO_ROUTE


def method_of(scope: Scope) -> str:
    """Return the request's method, if it is one of HTTP's own."""
    method: str = scope["method"]
    return method if method in METHODS else OTHER_METHOD


def measured(commit: Commit, metrics: GatewayMetrics) -> Commit:
    """Return `commit`, which is the function of the committer, measured."""

    def commit_measured(group: Sequence[NewJob]) -> Receipt:
        begun_s = time.perf_counter()
        receipt = commit(group)
        metrics.group_seconds.observe(time.perf_counter() - begun_s)
        metrics.group_jobs.observe(len(group))
        for verdict, count in Counter(verdict for verdict, _ in receipt.verdicts).items():
            metrics.submits.labels(verdict.value).inc(count)
        return receipt

    return commit_measured


class CountedNotices(Notices[T]):
    """Notices that count who waits."""

    def __init__(self, ledger: Watched[T], metrics: GatewayMetrics) -> None:
        super().__init__(ledger)
        self._waiting_clients = metrics.waiting

    @override
    @contextmanager
    def of(self, id: str, *, begins: bool = False) -> Iterator[Notice[T]]:
        self._waiting_clients.inc()
        try:
            with super().of(id, begins=begins) as notice:
                yield notice
        finally:
            self._waiting_clients.dec()


def make_metrics(
    settings: Settings,
    ledger: Ledger,
    bulk: Bulk | None,
    histograms: Histograms | None,
    server: Callable[[], Server] | None,
) -> tuple[GatewayMetrics, APIRouter]:
    """Return the metrics of this process, and the route that shows them with those of the other gateway processes.

    Gateway processes that share a port share a folder too, which their parent names in the environment.
    """
    shown, parent, folder = CollectorRegistry(), parent_process(), os.environ.get(FOLDER)
    if folder and parent and join(Path(folder)):
        metrics = GatewayMetrics(CollectorRegistry())
        shown.register(Shared(Path(folder)))
    else:
        metrics = GatewayMetrics(shown)
    shown.register(Limits(limits_of(settings)))
    shown.register(Processes(parent.pid if folder and parent and parent.pid else os.getpid()))
    others = [*([DriftGauges(histograms)] if histograms else []), *([RedisGauges(server)] if server else [])]
    shown.register(Standing({INTERACTIVE: ledger} | ({BULK: bulk.batches} if bulk else {}), others))
    return metrics, route_of(shown)


def route_of(shown: CollectorRegistry) -> APIRouter:
    """Return the route that shows a registry."""
    routes = APIRouter(tags=["health"])

    @routes.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def metrics(request: Request) -> Response:
        """Show what Prometheus scrapes; all of one answer was counted by the gateway processes of one port."""
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(shown), media_type=media_type)

    return routes
