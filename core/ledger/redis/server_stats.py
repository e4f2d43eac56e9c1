"""Reads the numbers of the Redis server that a ledger is in."""

from typing import Any

from redis import Redis

from core.ledger.redis.keys import LOSSES
from core.ledger.redis.running import raising_ledger_errors
from core.ledger.stats import ServerStats


def read_server_stats(redis: Redis) -> ServerStats:
    """Return the server's numbers, in two calls. Raises LedgerUnavailable."""
    with raising_ledger_errors():
        info = redis.info("memory", "clients", "cpu", "persistence")
        losses: Any = redis.zrange(LOSSES, -1, -1, withscores=True)
    return ServerStats(
        memory_bytes=info["used_memory"] - info["mem_not_counted_for_evict"],
        memory_limit_bytes=info["maxmemory"],
        clients=info["connected_clients"],
        cpu_s=info["used_cpu_user"] + info["used_cpu_sys"],
        aof_written=info["aof_last_write_status"] == "ok",
        last_loss_s=losses[0][1] / 1000 if losses else 0.0,
    )
