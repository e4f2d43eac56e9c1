"""Measures the gateway: its requests from outside all else, its groups, and who waits; and shows it on its own port."""

import asyncio
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from typing import TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector
from redis import Redis
from starlette.types import Message, Scope
from typing_extensions import override

from api.events.watcher import JobWatcher, Listen, ReadAll, Subscription
from core.ledger.protocol import NewJob, SubmitResult
from core.ledger.redis.batches import Batches
from core.ledger.redis.histograms import Histograms
from core.ledger.redis.ledger import RedisLedger
from core.ledger.redis.server_stats import read_server_stats
from core.settings import Settings
from core.transport.queue import BULK, INTERACTIVE, limits_of
from monitoring.exposition import FOLDER, SharedMetrics, join_service, make_registry, serve_metrics, take_folder
from monitoring.gauges import DriftGauges, LimitGauges, QueueGauges, QueueSource, RedisGauges
from monitoring.instrument import GatewayMetrics
from monitoring.vital import VitalThreads

T = TypeVar("T")
Commit = Callable[[Sequence[NewJob]], SubmitResult]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER_METHOD, NO_ROUTE = "other", "none"
COUNT_AFTER_S = 0.25  # one count for all answers of that time costs a tenth of one for each


class MetricsMiddleware:
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


def measured_commit(commit: Commit, metrics: GatewayMetrics) -> Commit:
    """Return `commit`, which is the function of the committer, measured."""

    def commit_measured(group: Sequence[NewJob]) -> SubmitResult:
        begun_s = time.perf_counter()
        result = commit(group)
        metrics.group_seconds.observe(time.perf_counter() - begun_s)
        metrics.group_jobs.observe(len(group))
        for status, count in Counter(status for status, _ in result.statuses).items():
            metrics.submits.labels(status.value).inc(count)
        return result

    return commit_measured


class CountedWatcher(JobWatcher[T]):
    """Notices that count who waits."""

    def __init__(
        self, listen: Listen[T], read_all: ReadAll[T], vital: VitalThreads, name: str, metrics: GatewayMetrics
    ) -> None:
        super().__init__(listen, read_all, vital, name)
        self._waiting_clients = metrics.waiting

    @override
    @contextmanager
    def of(self, id: str, *, begins: bool = False) -> Iterator[Subscription[T]]:
        self._waiting_clients.inc()
        try:
            with super().of(id, begins=begins) as subscription:
                yield subscription
        finally:
            self._waiting_clients.dec()


def start_metrics(settings: Settings, redis: Redis) -> GatewayMetrics:
    """Return what this gateway process counts, and have it shown from now on, unless its parent does that.

    Gateway processes that share a port count together in a folder that their parent names in the environment. A disk
    without room is a warning: what is not seen is answered all the same.
    """
    if not settings.metrics:
        return GatewayMetrics(CollectorRegistry())
    if parent_process():
        if folder := os.environ.get(FOLDER):
            join_service(Path(folder))
        return GatewayMetrics(CollectorRegistry())
    shown = registry_of_gateway(settings, redis)
    serve_metrics(shown, settings.metrics_host, settings.api_metrics_port)
    return GatewayMetrics(shown)


def show_together(settings: Settings, redis: Redis) -> None:
    """Have this process show what the gateway processes that it is about to start will count together."""
    counted = []
    if folder := take_folder(settings.var, "api"):
        os.environ[FOLDER] = str(folder)
        counted.append(SharedMetrics(folder))
    serve_metrics(registry_of_gateway(settings, redis, *counted), settings.metrics_host, settings.api_metrics_port)


def registry_of_gateway(settings: Settings, redis: Redis, *counted: Collector) -> CollectorRegistry:
    """Return what a gateway shows: what is counted, what it costs, and what is read of the ledger and of Redis."""
    queues: dict[str, QueueSource] = {INTERACTIVE: RedisLedger(redis, settings), BULK: Batches(redis, settings)}
    others = [DriftGauges(Histograms(redis)), RedisGauges(partial(read_server_stats, redis))]
    return make_registry(*counted, LimitGauges(limits_of(settings)), QueueGauges(queues, others))
