"""How much may wait, so that an alert knows what is near it."""

from collections.abc import Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector


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
