"""Every metric and the service that shows it; a test checks the table of them in docs/runbook.md.

`python -m monitoring.listing` prints the table.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.metrics import MetricWrapperBase

from core.ledger.stats import ServerStats
from monitoring.gauges import LEDGER_UP, describe_drift, describe_limits, describe_queues, describe_server
from monitoring.instrument import GatewayMetrics, QueueMetrics, ReaperMetrics, WebhookMetrics, WorkerMetrics
from monitoring.processes import describe_costs


@dataclass(frozen=True, slots=True)
class Listed:
    """One metric: its name in queries, its type, its labels, its help text, and the service that shows it."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str
    service: str

    def __str__(self) -> str:
        labels = ", ".join(f"`{label}`" for label in self.labels)
        return f"| `{self.name}` | {self.type} | {labels} | {self.service} | {self.help} |"


def list_metrics() -> list[Listed]:
    """Return all metrics, in the order of the table."""
    counted: dict[str, object] = {
        "gateway": GatewayMetrics(CollectorRegistry()),
        "worker": WorkerMetrics(CollectorRegistry()),
        "sweep": ReaperMetrics(CollectorRegistry()),
        "notifier": WebhookMetrics(CollectorRegistry()),
        "worker, notifier": QueueMetrics(CollectorRegistry()),
    }
    listed = [
        list_metric(metric.collect(), metric._labelnames, service)  # the library has no public name for it
        for service, metrics in counted.items()
        for metric in vars(metrics).values()
        if isinstance(metric, MetricWrapperBase)
    ]
    shown = [LEDGER_UP, *describe_queues({}), describe_limits({}), *describe_drift(None)]
    read = (list_metric([metric], metric._labelnames, "gateway") for metric in shown)
    server = (
        list_metric([metric], (), "gateway") for metric in describe_server(ServerStats(0, 0, 0, 0, aof_written=True))
    )
    costs = (list_metric([metric], (), "all") for metric in describe_costs(0, 0, 0))
    return [*listed, *read, *server, *costs]


def list_metric(metrics: Iterable[Metric], labels: Iterable[str], service: str) -> Listed:
    """Return the entry of one metric, which is the only one in `metrics`."""
    [metric] = metrics
    name = metric.name + ("_total" if metric.type == "counter" else "")
    return Listed(name, metric.type, tuple(labels), metric.documentation, service)


def format_table() -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| metric | type | labels | shown by | what it says |"
    yield "|---|---|---|---|---|"
    yield from map(str, list_metrics())


if __name__ == "__main__":
    print(*format_table(), sep="\n")
