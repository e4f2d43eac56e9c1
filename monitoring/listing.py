"""Every metric that is shown, and by which service; docs/runbook.md has them as a table, which a test holds to it.

`python -m monitoring.listing` prints the table.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.metrics import MetricWrapperBase

from core.ledger.stats import Server
from monitoring.gauges import UP, describe, describe_drift, describe_limits, describe_server
from monitoring.instrument import GatewayMetrics, NotifierMetrics, QueueMetrics, SweepMetrics, WorkerMetrics
from monitoring.processes import describe_costs


@dataclass(frozen=True, slots=True)
class Listed:
    """One metric: its name as queries have it, its type, its labels, what it says, and who shows it."""

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
        "sweep": SweepMetrics(CollectorRegistry()),
        "notifier": NotifierMetrics(CollectorRegistry()),
        "worker, notifier": QueueMetrics(CollectorRegistry()),
    }
    listed = [
        listing(metric.collect(), metric._labelnames, service)  # the library has no public name for it
        for service, metrics in counted.items()
        for metric in vars(metrics).values()
        if isinstance(metric, MetricWrapperBase)
    ]
    shown = [UP, *describe({}), describe_limits({}), *describe_drift(None)]
    read = (listing([metric], metric._labelnames, "gateway") for metric in shown)
    server = (listing([metric], (), "gateway") for metric in describe_server(Server(0, 0, 0, 0, aof_written=True)))
    costs = (listing([metric], (), "all") for metric in describe_costs(0, 0, 0))
    return [*listed, *read, *server, *costs]


def listing(metrics: Iterable[Metric], labels: Iterable[str], service: str) -> Listed:
    """Return what is listed of the one metric."""
    [metric] = metrics
    name = metric.name + ("_total" if metric.type == "counter" else "")
    return Listed(name, metric.type, tuple(labels), metric.documentation, service)


def table() -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| metric | type | labels | shown by | what it says |"
    yield "|---|---|---|---|---|"
    yield from map(str, list_metrics())


if __name__ == "__main__":
    print(*table(), sep="\n")
