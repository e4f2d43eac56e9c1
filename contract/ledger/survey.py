"""How a ledger stands, for who watches over it."""

from dataclasses import dataclass

from contract.job import State


@dataclass(frozen=True, slots=True)
class Survey:
    """How a ledger stands: patients not yet scored; jobs that are open, by state; jobs in quarantine; messages.

    `oldest_s` is how long ago the oldest open job was submitted, in seconds, by state, 0 where there is none.
    `messages` hang in the queue. `consumed` is whether a job was scored within `ready_for_s` seconds. No canary is
    counted, but for its patient in the backlog.
    """

    backlog_patients: int
    open_jobs: dict[State, int]
    oldest_s: dict[State, float]
    quarantined: int
    messages: int
    consumed: bool
