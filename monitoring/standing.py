"""How the ledger stands, and the Redis that it is in, asked when Prometheus asks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from contract.errors import LedgerUnavailable
from contract.ledger.survey import Server, Survey

UP = GaugeMetricFamily("scoreline_ledger_up", "Whether the ledger answered.", labels=[])


class Surveyed(Protocol):
    """What can be asked how it stands: a ledger of jobs, or that of batches."""

    def survey(self) -> Survey:
        """Return how it stands, as `Ledger.survey` does. Raises LedgerUnavailable."""


class Standing(Collector):
    """Collects how the ledger of each queue stands, and the `server`; of one that is away, only that it is.

    `server` says how the Redis stands, and raises LedgerUnavailable; without it, nothing is said of that.
    """

    def __init__(self, ledgers: Mapping[str, Surveyed], server: Callable[[], Server] | None) -> None:
        self._ledgers = ledgers
        self._server = server

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; takes no longer than the ledger may take to answer."""
        try:
            found = {queue: ledger.survey() for queue, ledger in self._ledgers.items()}
            server = list(describe_server(self._server())) if self._server else []
        except LedgerUnavailable:
            return [GaugeMetricFamily(UP.name, UP.documentation, 0)]
        return [GaugeMetricFamily(UP.name, UP.documentation, 1), *describe(found), *server]


def describe(found: Mapping[str, Survey]) -> list[GaugeMetricFamily]:
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
        backlog.add_metric([queue], survey.backlog_patients)
        messages.add_metric([queue], survey.messages)
        quarantined.add_metric([queue], survey.quarantined)
        consumed.add_metric([queue], survey.consumed)
        for state, count in survey.open_jobs.items():
            jobs.add_metric([queue, state.value], count)
            oldest.add_metric([queue, state.value], survey.oldest_s[state])
    return [backlog, messages, quarantined, consumed, jobs, oldest]


def describe_server(server: Server) -> Iterator[Metric]:
    """Yield the metrics of the Redis."""
    yield GaugeMetricFamily("scoreline_redis_memory_used_bytes", "Memory that Redis uses.", server.memory_bytes)
    text = "Memory that Redis may use (maxmemory); 0 for as much as there is."
    yield GaugeMetricFamily("scoreline_redis_memory_max_bytes", text, server.memory_limit_bytes)
    yield GaugeMetricFamily("scoreline_redis_connected_clients", "Connections to Redis.", server.clients)
    text = "Processor time of Redis; its commands have one thread, and so one core at most."
    yield CounterMetricFamily("scoreline_redis_cpu_seconds", text, server.cpu_s)
    text = "Whether the last write to Redis's append-only file went well."
    yield GaugeMetricFamily("scoreline_redis_aof_last_write_ok", text, server.aof_written)
