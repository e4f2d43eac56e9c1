"""The faults. Each is a function that strikes a house under load and returns as soon as its fault is over."""

import signal
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Event

from bench.local.conditions import wait_until
from bench.local.programs import responds
from core.ids import new_id
from tests.faults import environment
from tests.faults.cohort import POISON, patients
from tests.faults.fault import FAILED_OVER_WITHIN_S, Fault
from tests.faults.loss import Loss
from tests.faults.notified import Notified
from tests.faults.probe import submit
from tests.faults.receiver_away import receiver_away
from tests.faults.replicated import Replicated
from tests.faults.scene import CAUGHT_WITHIN_S, Scene, all_frozen, freeze_mid_batch, thaw, wait_for_pool
from tests.faults.small_disk import OnSmallDisk, can_mount
from tests.faults.supervisor import kill
from tests.faults.witness import ENDED

WRONG_CLOCK = Path(__file__).parent / "wrong_clock"
WRONG_BY_S = 3_600
REFUSED_WITHIN_S = 5
ROOM_BYTES = 16_384  # what is left on the full disk: a few jobs
ENDED_WITHIN_S = 60
COMMITTED_WITHIN_S = 1.5
WAITING = 30  # jobs: more than a message carries, and so more than the workers have in hand
CALLBACKS = 40


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


def rolling_restart(scene: Scene) -> None:
    """SIGTERM to each worker, the gateway and the sweep, one after the other, as when a new release is rolled out."""
    house = scene.house
    first, second = house.workers
    first.end(signal.SIGTERM)
    house.gateway.end(signal.SIGTERM)
    wait_until(lambda: responds(f"{house.url}/health/live"), within_s=CAUGHT_WITHIN_S, what="the new gateway")
    wait_for_pool(first)
    second.end(signal.SIGTERM)
    house.reaper.end(signal.SIGTERM)


def sweep_killed(scene: Scene) -> None:
    """Kill -9 of the sweep, just when the jobs of killed scoring processes wait for it."""
    pool_killed(scene)
    scene.house.reaper.end(signal.SIGKILL)


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


def memory_full(scene: Scene) -> None:
    """Redis has no memory left for 20 s: submits are refused, what waits is scored all the same, and no worker ends."""
    exits = [worker.exits for worker in scene.house.workers]
    with ExitStack() as stack:
        with all_frozen(scene.house):
            enough = len(scene.traffic.accepted) + WAITING
            wait_until(lambda: len(scene.traffic.accepted) >= enough, within_s=CAUGHT_WITHIN_S, what="jobs that wait")
            refused, younger = scene.traffic.answers[503], new_id()
            stack.enter_context(environment.memory_full(scene.house))
        wait_for_refusal(scene, refused)
        wait_until(
            lambda: not scene.house.is_open_before(younger),
            within_s=ENDED_WITHIN_S,
            what="what was accepted to be scored",
        )
        Event().wait(scene.outage_s)
    assert [worker.exits for worker in scene.house.workers] == exits, "a worker ended where Redis had no memory left"


def shared_disk_full(scene: Scene) -> None:
    """The disk that Valkey, store and logs share is full to the last byte and submits are 503; then there is room."""
    refused = scene.traffic.answers[503]
    with environment.disk_full(scene.house):
        wait_for_refusal(scene, refused)
        Event().wait(scene.outage_s / 4)
        assert responds(f"{scene.house.url}/health/live"), "the gateway did not live through a full disk"


def bundle_poisoned(scene: Scene) -> None:
    """Bundles whose risks are (n, 1), inverted and doubled take the good one's place, for 5 s each; then it is back."""
    environment.exchange_bundles(scene.house, scene.outage_s / 4)


def receiver_down(scene: Scene) -> None:
    """A receiver of callbacks is down for 20 s, the next time it answers 500 for as long; then each job is told of."""

    def send(url: str) -> list[str]:
        return [submit(scene.house, patients(number)[:1], callback_url=url) for number in range(CALLBACKS)]

    scene.more.update(receiver_away(send, scene.outage_s, is_cut=scene.strike % 2 == 0))


def master_lost(scene: Scene) -> None:
    """Kill -9 of Redis's master, which stays away; a Sentinel has the replica take over, with what that has by then."""
    environment.lose_master(scene.house)


def redis_emptied(scene: Scene) -> None:
    """FLUSHALL under load: every accepted job is gone, and whoever asks for it is told so from then on."""
    environment.empty_redis(scene.house)


def wait_for_refusal(scene: Scene, refused: int) -> None:
    """Return once one submit more than so many was answered 503."""
    wait_until(lambda: scene.traffic.answers[503] > refused, within_s=CAUGHT_WITHIN_S, what="a submit to be refused")


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
    Fault(rolling_restart),
    Fault(clock_wrong),
    Fault(memory_full),
    Fault(bundle_poisoned),
    Fault(shared_disk_full, build=OnSmallDisk, is_possible=can_mount),
    Fault(receiver_down, build=Notified),
    Fault(master_lost, build=Replicated, may_lose=Loss.UNREPLICATED, recovers_within_s=FAILED_OVER_WITHIN_S),
    Fault(redis_emptied, may_lose=Loss.TOLD),
    Fault(poison_swallowed, entry="tests.faults.poisoned"),
]
