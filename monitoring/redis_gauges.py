"""How the Redis stands that the ledgers are in, asked when Prometheus asks."""

from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from contract.ledger.survey import Server


class RedisGauges(Collector):
    """Collects what Redis says of itself; raises LedgerUnavailable if `survey` does."""

    def __init__(self, survey: Callable[[], Server]) -> None:
        self._survey = survey

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; every gateway process returns the same."""
        return describe_server(self._survey())


def describe_server(server: Server) -> list[Metric]:
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
