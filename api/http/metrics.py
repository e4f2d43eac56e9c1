"""Measures the gateway: requests, commit groups and waiting clients; and serves its metrics on their own port."""

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
from core.ledger.redis.checkpoint import read_server_stats
from core.ledger.redis.histograms import Histograms
from core.ledger.redis.ledger import RedisLedger
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
COUNT_AFTER_S = 0.25  # to count the answers of this time together costs a tenth of counting each


class MetricsMiddleware:
    """Counts answers and the seconds until each began; updates the metrics every 0.25 s.

    `fast_paths` are the paths that `FastPath` serves.
    """

    def __init__(self, metrics: GatewayMetrics, fast_paths: Collection[str]) -> None:
        self._metrics = metrics
        self._fast_paths = fast_paths
        self._seconds: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)

    def __call__(self, scope: Scope, message: Message, seconds: float) -> None:
        """Record the answer that begins with this message."""
        if not self._seconds:
            asyncio.get_running_loop().call_later(COUNT_AFTER_S, self._count)
        self._seconds[method_of(scope), template_of(scope, self._fast_paths), message["status"]].append(seconds)

    def _count(self) -> None:
        for (method, route, status), seconds in self._seconds.items():
            self._metrics.requests.labels(method, route, status).inc(len(seconds))
            self._metrics.request_seconds.labels(method, route).observe_all(seconds)
        self._seconds.clear()


def template_of(scope: Scope, fast_paths: Collection[str]) -> str:
    """Return the path template of the route, or `none` if no route was found; a fast path is its own template."""
    route = scope.get("route")
    path: str = scope["path"] if route is None else route.path
    return path if route is not None or path in fast_paths else NO_ROUTE


def method_of(scope: Scope) -> str:
    """Return the request's method, or `other` if it is not a standard one."""
    method: str = scope["method"]
    return method if method in METHODS else OTHER_METHOD


def measured_commit(commit: Commit, metrics: GatewayMetrics) -> Commit:
    """Return the committer's function `commit` with measurements of its groups."""

    def commit_measured(group: Sequence[NewJob]) -> SubmitResult:
        started_s = time.perf_counter()
        result = commit(group)
        metrics.group_seconds.observe(time.perf_counter() - started_s)
        metrics.group_jobs.observe(len(group))
        for status, count in Counter(status for status, _ in result.statuses).items():
            metrics.submits.labels(status.value).inc(count)
        return result

    return commit_measured


class CountedWatcher(JobWatcher[T]):
    """A watcher that counts the waiting clients."""

    def __init__(
        self, listen: Listen[T], read_all: ReadAll[T], threads: VitalThreads, name: str, metrics: GatewayMetrics
    ) -> None:
        super().__init__(listen, read_all, threads, name)
        self._waiting_clients = metrics.waiting

    @override
    @contextmanager
    def subscribe(self, id: str, *, with_start: bool = False) -> Iterator[Subscription[T]]:
        self._waiting_clients.inc()
        try:
            with super().subscribe(id, with_start=with_start) as subscription:
                yield subscription
        finally:
            self._waiting_clients.dec()


def start_metrics(settings: Settings, redis: Redis) -> GatewayMetrics:
    """Return the metrics of this gateway process, and start to serve them, unless the parent process does that.

    Gateway processes that share a port count in a shared folder, which their parent names in the environment. If the
    disk is full, that is logged as a warning, and requests are still answered.
    """
    if not settings.metrics:
        return GatewayMetrics(CollectorRegistry())
    if parent_process():
        if folder := os.environ.get(FOLDER):
            join_service(Path(folder))
        return GatewayMetrics(CollectorRegistry())
    registry = registry_of_gateway(settings, redis)
    serve_metrics(registry, settings.metrics_host, settings.api_metrics_port)
    return GatewayMetrics(registry)


def start_shared_metrics(settings: Settings, redis: Redis) -> None:
    """Serve, from this process, the sum of the metrics of the gateway processes that it is about to start."""
    counters = []
    if folder := take_folder(settings.var, "api"):
        os.environ[FOLDER] = str(folder)
        counters.append(SharedMetrics(folder))
    serve_metrics(registry_of_gateway(settings, redis, *counters), settings.metrics_host, settings.api_metrics_port)


def registry_of_gateway(settings: Settings, redis: Redis, *counters: Collector) -> CollectorRegistry:
    """Return the registry of a gateway: counters, process costs, limits, and gauges read from the ledger and Redis."""
    queues: dict[str, QueueSource] = {INTERACTIVE: RedisLedger(redis, settings), BULK: Batches(redis, settings)}
    others = [DriftGauges(Histograms(redis)), RedisGauges(partial(read_server_stats, redis))]
    return make_registry(*counters, LimitGauges(limits_of(settings)), QueueGauges(queues, others))
