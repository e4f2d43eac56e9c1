"""Gauges that are read at the time of each scrape: queue stats, Redis's own stats, drift, and the backlog limits."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from core.errors import LedgerUnavailable, NoModel, NoReference
from core.ledger.redis.histograms import Histograms
from core.ledger.stats import QueueStats, ServerStats
from monitoring.drift import Drift, Verdict, watch_drift


class RedisGauges(Collector):
    """Collects what Redis reports of itself; raises LedgerUnavailable if `read` does."""

    def __init__(self, read: Callable[[], ServerStats]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; every gateway process returns the same."""
        return describe_server(self._read())


def describe_server(server: ServerStats) -> list[Metric]:
    """Return the metrics of what Redis reports."""
    return [
        GaugeMetricFamily("scoreline_redis_memory_used_bytes", "Memory that Redis uses.", server.memory_bytes),
        GaugeMetricFamily(
            "scoreline_redis_memory_max_bytes",
            "Memory that Redis may use (maxmemory); 0 for as much as there is.",
            server.memory_limit_bytes,
        ),
        GaugeMetricFamily("scoreline_redis_connected_clients", "Connections to Redis.", server.clients),
        CounterMetricFamily(
            "scoreline_redis_cpu_seconds",
            "Processor time of Redis; its commands have one thread, and so one core at most.",
            server.cpu_s,
        ),
        GaugeMetricFamily(
            "scoreline_redis_aof_last_write_ok",
            "Whether the last write to Redis's append-only file went well.",
            server.aof_written,
        ),
        GaugeMetricFamily(
            "scoreline_last_ledger_loss_timestamp_seconds",
            "When Redis was last seen to have lost any of the ledger, in seconds since 1970; 0 if none is told of.",
            server.last_loss_s,
        ),
    ]


class DriftGauges(Collector):
    """Collects the drift of the last 24 hours for the model that is served; nothing while none is.

    Raises LedgerUnavailable.
    """

    def __init__(self, histograms: Histograms) -> None:
        self._histograms = histograms

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; every gateway process returns the same."""
        try:
            return describe_drift(watch_drift(self._histograms))
        except (NoModel, NoReference):
            return []


def describe_drift(drift: Drift | None) -> list[GaugeMetricFamily]:
    """Return the metrics of a drift; there is no index of features that were measured in too few patients."""
    psi = GaugeMetricFamily(
        "scoreline_drift_psi",
        "Population stability index of the last 24 hours against the reference; absent for too few patients.",
        labels=["feature", "model_version"],
    )
    alarm = GaugeMetricFamily(
        "scoreline_drift_alarm", "Whether the feature drifts: 0 or 1.", labels=["feature", "model_version"]
    )
    patients = GaugeMetricFamily(
        "scoreline_drift_patients", "Patients of the last 24 hours who are compared.", labels=["model_version"]
    )
    if drift:
        patients.add_metric([drift.model_version], drift.patients)
        for one in drift.features:
            alarm.add_metric([one.feature, drift.model_version], one.verdict is Verdict.DRIFTING)
            if one.psi is not None:
                psi.add_metric([one.feature, drift.model_version], one.psi)
    return [psi, alarm, patients]


class LimitGauges(Collector):
    """Collects the limits of the backlogs, by queue."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = limits

    def collect(self) -> Iterable[Metric]:
        """Return the metric."""
        return [describe_limits(self._limits)]


def describe_limits(limits: Mapping[str, int]) -> GaugeMetricFamily:
    """Return the metric of these limits."""
    text = "Patients, or lines of files, above which a submit is 429."
    limit = GaugeMetricFamily("scoreline_backlog_limit_patients", text, labels=["queue"])
    for queue, patients in limits.items():
        limit.add_metric([queue], patients)
    return limit


LEDGER_UP = GaugeMetricFamily("scoreline_ledger_up", "Whether the ledger answered.", labels=[])


class QueueSource(Protocol):
    """Where the stats of a queue are read: its ledger, of jobs or of batches."""

    def read_stats(self) -> QueueStats:
        """Return the stats, as `Ledger.read_stats` does. Raises LedgerUnavailable."""


class QueueGauges(Collector):
    """Collects the stats of each queue, and what `others` collect; if a ledger does not answer, only that.

    `others` may raise LedgerUnavailable too.
    """

    def __init__(self, ledgers: Mapping[str, QueueSource], others: Sequence[Collector] = ()) -> None:
        self._ledgers = ledgers
        self._others = others

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; takes little longer than the ledger may take to answer."""
        try:
            stats = {queue: ledger.read_stats() for queue, ledger in self._ledgers.items()}
            others = [metric for other in self._others for metric in other.collect()]
        except LedgerUnavailable:
            return [GaugeMetricFamily(LEDGER_UP.name, LEDGER_UP.documentation, 0)]
        return [GaugeMetricFamily(LEDGER_UP.name, LEDGER_UP.documentation, 1), *describe_queues(stats), *others]


def describe_queues(stats: Mapping[str, QueueStats]) -> list[GaugeMetricFamily]:
    """Return the metrics of these stats, by queue."""
    backlog = GaugeMetricFamily(
        "scoreline_backlog_patients", "Patients, or lines of files, that are not yet scored.", labels=["queue"]
    )
    messages = GaugeMetricFamily("scoreline_queue_messages", "Messages that hang in the queue.", labels=["queue"])
    quarantined = GaugeMetricFamily("scoreline_quarantined_jobs", "Jobs in quarantine.", labels=["queue"])
    consumed = GaugeMetricFamily(
        "scoreline_consumed_lately",
        "Whether anything was scored of late; the bulk queue has no canary.",
        labels=["queue"],
    )
    jobs = GaugeMetricFamily(
        "scoreline_open_jobs", "Jobs, or parts of files, that have not ended.", labels=["queue", "state"]
    )
    oldest = GaugeMetricFamily(
        "scoreline_oldest_open_job_age_seconds",
        "Seconds since the oldest open job was submitted; 0 if there is none.",
        labels=["queue", "state"],
    )
    for queue, one in stats.items():
        backlog.add_metric([queue], one.backlog_records)
        messages.add_metric([queue], one.messages)
        quarantined.add_metric([queue], one.dead_letters)
        consumed.add_metric([queue], one.consumed)
        for state, count in one.open_jobs.items():
            jobs.add_metric([queue, state.value], count)
            oldest.add_metric([queue, state.value], one.oldest_s[state])
    return [backlog, messages, quarantined, consumed, jobs, oldest]
