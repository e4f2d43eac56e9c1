"""Numbers of a ledger and of its Redis server, for monitoring."""

import math
from dataclasses import dataclass

from core.ledger.job import State

LONGEST_S = 60


@dataclass(frozen=True, slots=True)
class Load:
    """The backlog in records not yet scored, and the records scored per second of late."""

    backlog_records: int
    drain_per_s: float

    def seconds_until_free(self, limit: int) -> int:
        """Return the seconds until a tenth of the limit is free, at the current rate; 1 to 60."""
        surplus = self.backlog_records - 0.9 * limit
        return max(1, min(LONGEST_S, math.ceil(surplus / self.drain_per_s))) if self.drain_per_s else LONGEST_S


@dataclass(frozen=True, slots=True)
class QueueStats:
    """Numbers of a ledger: records not yet scored; open jobs by state; dead letters; messages in the queue.

    `oldest_s` is the age in seconds of the oldest open job, by state, 0 if there is none. `consumed` is whether a job
    was scored within `ready_for_s` seconds. Probe jobs are not counted, except their record in the backlog.
    """

    backlog_records: int
    open_jobs: dict[State, int]
    oldest_s: dict[State, float]
    dead_letters: int
    messages: int
    consumed: bool


@dataclass(frozen=True, slots=True)
class ServerStats:
    """Numbers of a Redis server: memory used; memory limit, 0 for none; clients; CPU seconds.

    Memory is what Redis counts against its limit: without the buffers of replicas and of the append-only file. CPU
    seconds do not include the child processes that rewrite that file. `aof_written` is whether the last write to it
    succeeded. `last_loss_s` is when the last loss of ledger data was seen, in seconds since 1970; 0 if none is known.
    """

    memory_bytes: int
    memory_limit_bytes: int
    clients: int
    cpu_s: float
    aof_written: bool
    last_loss_s: float = 0.0
