"""How the ledger stands, asked when Prometheus asks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from prometheus_client import Metric
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from contract.errors import LedgerUnavailable
from contract.ledger.survey import Survey

UP = GaugeMetricFamily("scoreline_ledger_up", "Whether the ledger answered.", labels=[])


class Surveyed(Protocol):
    """What can be asked how it stands: a ledger of jobs, or that of batches."""

    def survey(self) -> Survey:
        """Return how it stands, as `Ledger.survey` does. Raises LedgerUnavailable."""


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
            found = {queue: ledger.survey() for queue, ledger in self._ledgers.items()}
            others = [metric for other in self._others for metric in other.collect()]
        except LedgerUnavailable:
            return [GaugeMetricFamily(UP.name, UP.documentation, 0)]
        return [GaugeMetricFamily(UP.name, UP.documentation, 1), *describe(found), *others]


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
