"""How a ledger stands, and the server that it is in, for who watches over them."""

import math
from dataclasses import dataclass

from core.ledger.job import State

LONGEST_S = 60


@dataclass(frozen=True, slots=True)
class Load:
    """How much is waiting: patients not yet scored, and patients scored per second of late."""

    backlog_patients: int
    drain_per_s: float

    def room_in_s(self, limit: int) -> int:
        """Return the seconds until a tenth of the limit is free, at the rate of late; 1 to 60."""
        surplus = self.backlog_patients - 0.9 * limit
        return max(1, min(LONGEST_S, math.ceil(surplus / self.drain_per_s))) if self.drain_per_s else LONGEST_S


@dataclass(frozen=True, slots=True)
class QueueStats:
    """How a ledger stands: patients not yet scored; jobs that are open, by state; jobs in quarantine; messages.

    `oldest_s` is how long ago the oldest open job was submitted, in seconds, by state, 0 where there is none.
    `messages` hang in the queue. `consumed` is whether a job was scored within `ready_for_s` seconds. No canary is
    counted, but for its patient in the backlog.
    """

    backlog_patients: int
    open_jobs: dict[State, int]
    oldest_s: dict[State, float]
    dead_letters: int
    messages: int
    consumed: bool


@dataclass(frozen=True, slots=True)
class ServerStats:
    """How a Redis stands: memory that it uses and may use, 0 for all there is; clients; seconds of its processor.

    Memory is what Redis holds against its limit: without what waits for replicas or for its append-only file.

    `aof_written` is whether its last write to its append-only file went well. What its children cost, which write that
    file anew, is not counted. `last_loss_s` is when it was last seen to have lost any of the ledger, in seconds since
    1970; 0 if none is told of.
    """

    memory_bytes: int
    memory_limit_bytes: int
    clients: int
    cpu_s: float
    aof_written: bool
    last_loss_s: float = 0.0
