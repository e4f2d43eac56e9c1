"""Faults that strike files by what the service stands on: Redis, disk, bundle, release, receivers."""

import signal
from contextlib import ExitStack
from threading import Event, Timer

from bench.local.conditions import wait_until
from bench.local.programs import responds
from tests.faults import environment
from tests.faults.callers import PATH
from tests.faults.fault import FAILED_OVER_WITHIN_S
from tests.faults.file_fault import FileFault
from tests.faults.file_scene import FileScene
from tests.faults.loss import Loss
from tests.faults.notified import NotifiedFiles
from tests.faults.receiver_away import receiver_away
from tests.faults.replicated import ReplicatedFiles
from tests.faults.scene import all_frozen
from tests.faults.small_disk import FilesOnSmallDisk, can_mount
from tests.faults.supervisor import children

GRACE_S = 0.3  # that a part goes on for after SIGTERM
BACK_WITHIN_S = 30
TOLD_OF = 3  # files whose end a receiver is told of


def rolling_restart(scene: FileScene) -> None:
    """SIGTERM to each of two bulk workers, the gateway and the sweep, one after the other, while a part is scored."""
    house, first = scene.house, scene.catch().worker
    [second] = [worker for worker in house.workers if worker is not first]
    Timer(GRACE_S, house.gate.open).start()
    first.end(signal.SIGTERM)
    house.gateway.end(signal.SIGTERM)
    wait_until(lambda: responds(f"{house.url}/health/live"), within_s=BACK_WITHIN_S, what="the new gateway")
    wait_until(lambda: children(first.pid), within_s=BACK_WITHIN_S, what="the new scoring processes")
    second.end(signal.SIGTERM)
    house.reaper.end(signal.SIGTERM)
    house.gate.open()


def memory_full(scene: FileScene) -> None:
    """Redis has no memory left: uploads are refused, a file that waits is scored all the same, and no worker ends."""
    exits = [worker.exits for worker in scene.house.workers]
    with ExitStack() as stack:
        with all_frozen(scene.house):
            id = scene.callers.upload(scene.new_file())
            stack.enter_context(environment.memory_full(scene.house))
        refuse_upload(scene)
        scene.wait_for_end(id)
        Event().wait(scene.outage_s)
    assert [worker.exits for worker in scene.house.workers] == exits, "a worker ended where Redis had no memory left"


def shared_disk_full(scene: FileScene) -> None:
    """The disk that Valkey, store and logs share is full to the last byte as a part is scored; then there is room."""
    scene.catch()
    with environment.disk_full(scene.house):
        scene.house.gate.open()
        refuse_upload(scene)
        Event().wait(scene.outage_s)
        assert responds(f"{scene.house.url}/health/live"), "the gateway did not live through a full disk"


def bundle_poisoned(scene: FileScene) -> None:
    """Bundles whose risks are (n, 1), inverted and doubled take the good one's place while files are scored."""
    environment.exchange_bundles(scene.house, scene.outage_s / 4, lambda: scene.callers.upload(scene.new_file()))


def receiver_down(scene: FileScene) -> None:
    """A receiver of callbacks is down, the next time it answers 500; then it is told of each file."""

    def upload(url: str) -> list[str]:
        return [scene.callers.upload(scene.new_file(), callback_url=url) for _ in range(TOLD_OF)]

    receiver_away(upload, scene.outage_s, is_cut=scene.strike % 2 == 0)


def master_lost(scene: FileScene) -> None:
    """Kill -9 of Redis's master, which stays away, while a part is scored; a Sentinel has the replica take over."""
    scene.catch()
    environment.lose_master(scene.house)
    scene.orphans |= scene.house.stored()
    scene.house.gate.open()


def redis_emptied(scene: FileScene) -> None:
    """FLUSHALL while a part is scored: every file is gone, and whoever asks for it is told so from then on."""
    scene.catch()
    environment.empty_redis(scene.house)
    scene.orphans |= scene.house.stored()
    scene.house.gate.open()


def refuse_upload(scene: FileScene) -> None:
    """Return once an upload is refused."""
    refused = scene.new_file()
    answer = scene.house.client.post(PATH, content=refused.content, headers=refused.headers)
    assert answer.status_code == 503, f"an upload was answered {answer.status_code}: {answer.text}"


SURROUNDING_FAULTS = [
    FileFault(rolling_restart),
    FileFault(memory_full),
    FileFault(bundle_poisoned),
    FileFault(shared_disk_full, build=FilesOnSmallDisk, is_possible=can_mount),
    FileFault(receiver_down, build=NotifiedFiles),
    FileFault(master_lost, build=ReplicatedFiles, may_lose=Loss.UNREPLICATED, recovers_within_s=FAILED_OVER_WITHIN_S),
    FileFault(redis_emptied, may_lose=Loss.TOLD),
]
