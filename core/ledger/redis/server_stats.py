"""Asks the Redis that a ledger is in how it stands."""

from typing import Any

from redis import Redis

from core.ledger.redis.keys import LOSSES
from core.ledger.redis.running import raising_ledger_errors
from core.ledger.stats import ServerStats


def read_server_stats(redis: Redis) -> ServerStats:
    """Return how the server stands, in two calls. Raises LedgerUnavailable."""
    with raising_ledger_errors():
        said = redis.info("memory", "clients", "cpu", "persistence")
        losses: Any = redis.zrange(LOSSES, -1, -1, withscores=True)
    return ServerStats(
        memory_bytes=said["used_memory"] - said["mem_not_counted_for_evict"],
        memory_limit_bytes=said["maxmemory"],
        clients=said["connected_clients"],
        cpu_s=said["used_cpu_user"] + said["used_cpu_sys"],
        aof_written=said["aof_last_write_status"] == "ok",
        last_loss_s=losses[0][1] / 1000 if losses else 0.0,
    )
