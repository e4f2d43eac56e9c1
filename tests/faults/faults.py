"""The faults. Each is a function that strikes a house under load and returns as soon as its fault is over."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Generic, TypeVar

from redis import Redis

from contract.ledger.record import new_id
from tests.faults.cohort import POISON, patients
from tests.faults.house import PRODUCT
from tests.faults.probe import submit
from tests.faults.scene import CAUGHT_WITHIN_S, Scene, freeze_mid_batch, thaw, wait_for_pool
from tests.faults.supervisor import kill
from tests.faults.witness import ENDED
from tests.servers import responds
from tests.waiting import wait_until

S = TypeVar("S")

WRONG_CLOCK = Path(__file__).parent / "wrong_clock"
WRONG_BY_S = 3_600
REFUSED_WITHIN_S = 5
ROOM_BYTES = 16_384  # what is left on the full disk: a few jobs
ENDED_WITHIN_S = 60
COMMITTED_WITHIN_S = 1.5


@dataclass(frozen=True, slots=True)
class Striking(Generic[S]):
    """A fault, told of by the name and the docstring of the function that strikes a scene."""

    strike: Callable[[S], None]

    @property
    def name(self) -> str:
        """What the table calls it."""
        return self.strike.__name__.replace("_", " ")

    @property
    def about(self) -> str:
        """What happens, in a sentence."""
        return " ".join((self.strike.__doc__ or "").split())


@dataclass(frozen=True, slots=True)
class Fault(Striking[Scene]):
    """A fault that strikes jobs; `entry` is Celery's way in to the workers that it needs."""

    entry: str = PRODUCT


def pool_killed(scene: Scene) -> None:
    """Kill -9 of a worker's scoring processes, which have taken a batch and not committed it."""
    worker = scene.house.workers[0]
    caught = freeze_mid_batch(scene.house, worker)
    kill(*caught.pool)
    worker.send(signal.SIGCONT)


def worker_killed(scene: Scene) -> None:
    """Kill -9 of a worker and of all its scoring processes, mid-batch."""
    worker = scene.house.workers[0]
    caught = freeze_mid_batch(scene.house, worker)
    worker.end(signal.SIGKILL)
    kill(*caught.pool)


def worker_frozen(scene: Scene) -> None:
    """A worker stands still mid-batch, as a paused virtual machine does, and commits after others did its work."""
    house, worker = scene.house, scene.house.workers[0]
    caught = freeze_mid_batch(house, worker)

    def done() -> bool:
        jobs = [job for job in (house.get(f"/v1/jobs/{id}") for id in caught.jobs) if job and job["state"] in ENDED]
        for job in jobs:
            scene.witness.see(job)
            caught.jobs.remove(job["id"])
        return not caught.jobs

    wait_until(done, within_s=ENDED_WITHIN_S, what="others to do the work of the frozen worker")
    kill(*caught.pool, number=signal.SIGCONT)
    # The parent would kill them for having taken so long: they get the time to commit what they hold.
    Event().wait(COMMITTED_WITHIN_S)
    worker.send(signal.SIGCONT)


def gateway_killed(scene: Scene) -> None:
    """Kill -9 of the gateway while callers wait for its answers."""
    scene.house.gateway.send(signal.SIGSTOP)
    wait_until(lambda: scene.traffic.in_flight, within_s=CAUGHT_WITHIN_S, what="a caller that waits")
    scene.house.gateway.end(signal.SIGKILL)


def broker_killed(scene: Scene) -> None:
    """Kill -9 of Valkey under load; it comes back at once and reads its AOF."""
    scene.house.broker.end(signal.SIGKILL)


def broker_away(scene: Scene) -> None:
    """Valkey is killed and stays away for 20 s; meanwhile each submit is answered 503 within 5 s."""
    broker, traffic = scene.house.broker, scene.traffic
    refused = traffic.answers[503]
    broker.hold()
    broker.end(signal.SIGKILL)
    Event().wait(scene.outage_s)
    broker.release()
    assert traffic.answers[503] > refused, "no submit was refused while the broker was away"
    assert traffic.slowest_refusal_s < REFUSED_WITHIN_S, f"a caller waited {traffic.slowest_refusal_s:.1f} s for a 503"


def broker_frozen(scene: Scene) -> None:
    """Valkey stands still for a quarter of that time with all its connections open, then does what it was told."""
    scene.house.broker.send(signal.SIGSTOP)
    Event().wait(scene.outage_s / 4)
    scene.house.broker.send(signal.SIGCONT)


def disk_full(scene: Scene) -> None:
    """Valkey can write no more to its AOF, so that it ends each time it tries; then there is room again."""
    house, broker, traffic = scene.house, scene.house.broker, scene.traffic
    ordinary, ends, refused = broker.launch, broker.exits + 2, traffic.answers[503]
    broker.exchange(partial(house.start_broker_on_full_disk, ROOM_BYTES))
    wait_until(
        lambda: broker.exits >= ends and traffic.answers[503] > refused,
        within_s=CAUGHT_WITHIN_S,
        what="the broker to find its disk full, and a submit to be refused",
    )
    broker.exchange(ordinary)


def memory_full(scene: Scene) -> None:
    """Valkey may use half of what it uses: what was accepted is scored by whom there is, and more is answered 503."""
    house, traffic = scene.house, scene.traffic
    programs, refused = [house.gateway, house.sweep, *house.workers], traffic.answers[503]
    exits = [program.exits for program in programs]
    with Redis(port=house.broker_port) as redis:
        redis.config_set("maxmemory", int(redis.info("memory")["used_memory"]) // 2)
        wait_until(lambda: traffic.answers[503] > refused, within_s=CAUGHT_WITHIN_S, what="a submit to be refused")
        Event().wait(scene.outage_s / 4)
        older = new_id()
        wait_until(lambda: not house.is_open_before(older), within_s=ENDED_WITHIN_S, what="all to be scored")
        assert exits == [program.exits for program in programs], "a program ended for want of Redis's memory"
        redis.config_set("maxmemory", 0)


def rolling_restart(scene: Scene) -> None:
    """SIGTERM to each worker, the gateway and the sweep, one after the other, as when a new release is rolled out."""
    house = scene.house
    first, second = house.workers
    first.end(signal.SIGTERM)
    house.gateway.end(signal.SIGTERM)
    wait_until(lambda: responds(f"{house.url}/health/live"), within_s=CAUGHT_WITHIN_S, what="the new gateway")
    wait_for_pool(first)
    second.end(signal.SIGTERM)
    house.sweep.end(signal.SIGTERM)


def sweep_killed(scene: Scene) -> None:
    """Kill -9 of the sweep, just when the jobs of killed scoring processes wait for it."""
    pool_killed(scene)
    scene.house.sweep.end(signal.SIGKILL)


def clock_wrong(scene: Scene) -> None:
    """A worker's clock is an hour ahead, and the next time an hour behind; it scores, and dies mid-batch."""
    house, worker = scene.house, scene.house.workers[0]
    ordinary = worker.launch
    ahead_s = WRONG_BY_S if scene.strike % 2 == 0 else -WRONG_BY_S
    wrong = {"PYTHONPATH": str(WRONG_CLOCK), "CLOCK_AHEAD_S": str(ahead_s)}
    worker.exchange(house.worker_launch(worker.name, **wrong))
    thaw(worker, freeze_mid_batch(house, worker).pool)
    freeze_mid_batch(house, worker)
    worker.exchange(ordinary)


def poison_swallowed(scene: Scene) -> None:
    """A patient kills whoever scores it, until its job is quarantined; the neighbours in its batch must not suffer."""
    id = submit(scene.house, [patients(1)[0] | POISON])
    scene.poison.add(id)

    def quarantined() -> bool:
        job = scene.house.get(f"/v1/jobs/{id}")
        return bool(job) and job["state"] in ENDED

    wait_until(quarantined, within_s=ENDED_WITHIN_S, what="the poison to end")


FAULTS = [
    Fault(pool_killed),
    Fault(worker_killed),
    Fault(worker_frozen),
    Fault(sweep_killed),
    Fault(gateway_killed),
    Fault(broker_killed),
    Fault(broker_away),
    Fault(broker_frozen),
    Fault(disk_full),
    Fault(memory_full),
    Fault(rolling_restart),
    Fault(clock_wrong),
    Fault(poison_swallowed, entry="tests.faults.poisoned"),
]
