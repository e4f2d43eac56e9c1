"""Gauges that are asked for when Prometheus asks: how ledger, Redis and drift stand, and how much may wait."""

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
    """Collects what Redis says of itself; raises LedgerUnavailable if `read_stats` does."""

    def __init__(self, survey: Callable[[], ServerStats]) -> None:
        self._survey = survey

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; every gateway process returns the same."""
        return describe_server(self._survey())


def describe_server(server: ServerStats) -> list[Metric]:
    """Return the metrics of what Redis said."""
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
    """Collects the drift of the last 24 hours of the model that is served; nothing while none is.

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
    """Return the metrics of what was found; an index is told of enough patients only."""
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


class Limits(Collector):
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


UP = GaugeMetricFamily("scoreline_ledger_up", "Whether the ledger answered.", labels=[])


class Surveyed(Protocol):
    """What can be asked how it stands: a ledger of jobs, or that of batches."""

    def read_stats(self) -> QueueStats:
        """Return how it stands, as `Ledger.read_stats` does. Raises LedgerUnavailable."""


class Standing(Collector):
    """Collects how the ledger of each queue stands, and what else is read of it; of one that is away, only that it is.

    What else is read may raise LedgerUnavailable too.
    """

    def __init__(self, ledgers: Mapping[str, Surveyed], others: Sequence[Collector] = ()) -> None:
        self._ledgers = ledgers
        self._others = others

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; takes little longer than the ledger may take to answer."""
        try:
            found = {queue: ledger.read_stats() for queue, ledger in self._ledgers.items()}
            others = [metric for other in self._others for metric in other.collect()]
        except LedgerUnavailable:
            return [GaugeMetricFamily(UP.name, UP.documentation, 0)]
        return [GaugeMetricFamily(UP.name, UP.documentation, 1), *describe(found), *others]


def describe(found: Mapping[str, QueueStats]) -> list[GaugeMetricFamily]:
    """Return the metrics of what was found, by queue."""
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
    for queue, survey in found.items():
        backlog.add_metric([queue], survey.backlog_records)
        messages.add_metric([queue], survey.messages)
        quarantined.add_metric([queue], survey.dead_letters)
        consumed.add_metric([queue], survey.consumed)
        for state, count in survey.open_jobs.items():
            jobs.add_metric([queue, state.value], count)
            oldest.add_metric([queue, state.value], survey.oldest_s[state])
    return [backlog, messages, quarantined, consumed, jobs, oldest]
