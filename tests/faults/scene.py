"""The scene of a fault, and how a fault takes aim: at a worker that is in the middle of a batch."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from threading import Event

from bench.local.conditions import wait_until
from tests.faults.house import House
from tests.faults.loss import Loss, is_in_window, made_ms
from tests.faults.supervisor import Program, children, kill
from tests.faults.traffic import Traffic
from tests.faults.witness import Witness

POOL = 2  # scoring processes of a worker, the default
CAUGHT_WITHIN_S = 30
THAWED_S = 0.02
LOOKS, BETWEEN_LOOKS_S = 4, 0.04  # in which any process that runs has finished its batch


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault strikes, and for the how-manyth time; what it submits goes to `poison` or `more`.

    `poison` takes the ids of jobs that must end in quarantine, `more` those of jobs that must be scored.
    """

    house: House
    traffic: Traffic
    witness: Witness
    strike: int
    outage_s: float
    poison: set[str]
    more: set[str]
    may_lose: Loss = Loss.NOTHING

    def may_be_gone(self, id: str) -> bool:
        """Whether a job that is nowhere to be found may be lost."""
        if self.may_lose is Loss.TOLD:
            return self.house.tells_of_loss(f"/v1/jobs/{id}")
        answered_ms = self.traffic.accepted_ms.get(id, inf)
        return self.may_lose is Loss.UNREPLICATED and is_in_window(made_ms(id), answered_ms, self.house.windows)


@dataclass(frozen=True, slots=True)
class Caught:
    """A worker's scoring processes, stopped together with their parent, and the ids of the jobs in their hands."""

    pool: list[int]
    jobs: set[str]


def freeze_mid_batch(house: House, worker: Program) -> Caught:
    """Stop a worker at a moment when it holds jobs.

    Stopped first and looked at then, it cannot finish in between. Jobs that others hold are told from its own by
    looking on: others go on and finish.
    """

    def caught() -> Caught | None:
        pool = children(worker.pid)  # anew each time: the worker may have replaced one
        kill(*pool, number=signal.SIGSTOP)
        jobs = _held(house) if len(pool) == POOL else None
        if jobs:
            worker.send(signal.SIGSTOP)
            return Caught(pool, jobs)
        kill(*pool, number=signal.SIGCONT)
        Event().wait(THAWED_S)  # or else it would never get as far as to take a batch
        return None

    return wait_until(caught, within_s=CAUGHT_WITHIN_S, what="a worker in the middle of a batch")


@contextmanager
def all_frozen(house: House) -> Iterator[None]:
    """Have all workers and their scoring processes stand still until the block is left; what is submitted waits."""
    pids = [pid for worker in house.workers for pid in (worker.pid, *children(worker.pid))]
    kill(*pids, number=signal.SIGSTOP)
    try:
        yield
    finally:
        kill(*pids, number=signal.SIGCONT)


def thaw(worker: Program, pool: list[int]) -> None:
    """Let a stopped worker go on."""
    kill(*pool, number=signal.SIGCONT)
    worker.send(signal.SIGCONT)


def wait_for_pool(worker: Program) -> None:
    """Return once all of a worker's scoring processes are there."""
    wait_until(lambda: len(children(worker.pid)) == POOL, within_s=CAUGHT_WITHIN_S, what="the scoring processes")


def _held(house: House) -> set[str]:
    jobs = house.running()
    for _ in range(LOOKS):
        if jobs:
            Event().wait(BETWEEN_LOOKS_S)
            jobs &= house.running()
    return jobs
