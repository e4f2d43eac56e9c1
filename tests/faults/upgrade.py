"""An upgrade with work under way: jobs that wait and files half done, of an older release, end under this one."""

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from threading import Event

from bench.local.conditions import wait_until
from bench.local.programs import responds
from bench.local.revisions import check_out, is_known
from core.ids import new_id
from monitoring.processes import children
from tests.faults import file_audit, trial
from tests.faults.callers import PATH, Callers
from tests.faults.fault import Striking
from tests.faults.file_audit import FileCount
from tests.faults.file_scene import FileScene
from tests.faults.file_trial import all_ended
from tests.faults.files import File
from tests.faults.scene import CAUGHT_WITHIN_S, Scene
from tests.faults.supervisor import kill
from tests.faults.traffic import Traffic
from tests.faults.trial import Count, comes_true, wait_for_load
from tests.faults.upgraded_house import UpgradedHouse
from tests.faults.witness import Reader, Witness

BEFORE = "22aa980"
"""The commit that is upgraded from, unless another one is named."""

DRAINED_WITHIN_S = 120
SEEN_WITHIN_S = 120
MOMENT_S = 0.05  # in which a worker scores a part or two
FILES = 2


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """How much is under way: jobs that wait, jobs that ended before, jobs that follow meanwhile, and rows of a file."""

    jobs: int = 20_000
    ended: int = 500
    beside: int = 500
    rows: int = 20_000
    note_bytes: int = 4_000  # so that a file has some twenty parts
    rate_per_s: float = 0  # as fast as they are accepted
    connections: int = 16
    must_be_half_done: bool = True  # the files; small ones may end while it is asked how far they are


@dataclass(frozen=True, slots=True)
class UpgradeScene:
    """What is upgraded, and how many more jobs are to be accepted meanwhile."""

    house: UpgradedHouse
    traffic: Traffic
    beside: int

    def wait_for_more(self) -> None:
        """Return once so many more jobs are accepted."""
        wait_for_load(self.traffic, len(self.traffic.accepted) + self.beside)


def upgrade_workers_first(scene: UpgradeScene) -> None:
    """Workers and sweep are of the new release, while the old gateway goes on submitting; then the gateway is, too."""
    house = scene.house
    house.upgrade(house.reaper, *house.scorers)
    scene.wait_for_more()
    upgrade_gateway(scene)


def upgrade_gateway_first(scene: UpgradeScene) -> None:
    """The gateway is of the new release, while the old workers and sweep go on; then these are, too."""
    house = scene.house
    upgrade_gateway(scene)
    for program in house.scorers:
        program.release()
    scene.wait_for_more()  # few enough for the old workers to leave most of what waits to the new ones
    house.upgrade(house.reaper, *house.scorers)
    scene.wait_for_more()


def upgrade_gateway(scene: UpgradeScene) -> None:
    """Upgrade the gateway, and return once it has accepted more jobs."""
    scene.house.upgrade(scene.house.gateway)
    wait_until(lambda: responds(f"{scene.house.url}/health/live"), within_s=CAUGHT_WITHIN_S, what="the new gateway")
    scene.wait_for_more()


class Upgrade(Striking[UpgradeScene]):
    """An upgrade, which is a fault that must do no harm."""

    __slots__ = ()


UPGRADES = [
    Upgrade(order, recovers_within_s=DRAINED_WITHIN_S, is_possible=partial(is_known, BEFORE))
    for order in (upgrade_workers_first, upgrade_gateway_first)
]


def hold_upgrade(
    folder: Path, settings: Mapping[str, str], upgrade: Upgrade, plan: UpgradePlan, before: str = BEFORE
) -> tuple[Count, FileCount]:
    """Start the release of the commit `before`, leave it with work half done, upgrade it, and count all of that.

    The time to recover is that from the end of the upgrade until all is drained. Raises AssertionError if an answer
    came that no caller should ever see, or the work was not half done.
    """
    first, began_s, witness = new_id(), time.monotonic(), Witness()
    count = Count(upgrade.name, upgrade.recovers_within_s)
    file_count = FileCount(upgrade.name, upgrade.recovers_within_s)
    (folder / "house").mkdir()
    with UpgradedHouse(folder / "house", settings, check_out(before, folder / "before")) as house:
        files = [File(f"u{number}", plan.rows, plan.note_bytes, is_jsonl=number == 1) for number in range(FILES)]
        traffic = Traffic(house.port, jobs=plan.jobs, rate_per_s=plan.rate_per_s, connections=plan.connections)
        with Callers(house, []) as callers:
            scene = Scene(house, traffic, witness, strike=0, outage_s=0, poison=set(), more=set())
            file_scene = FileScene(house, callers, plan.rows, plan.note_bytes, 0)
            with traffic, Reader(house, traffic, witness):
                leave_half_done(house, traffic, callers, files, plan)
                count.submits_per_s = len(traffic.accepted) / (time.monotonic() - began_s)
                upgrade.strike(UpgradeScene(house, traffic, plan.beside))
                seconds = drain_s(file_scene, traffic, set(files))
            assert not traffic.surprises, f"answers that no caller should see: {traffic.surprises[:3]}"
            count.recoveries_s.append(seconds)
            file_count.recoveries_s.append(seconds)
            return trial.audit(scene, count, first), file_audit.audit(file_scene, file_count)


def leave_half_done(
    house: UpgradedHouse, traffic: Traffic, callers: Callers, files: list[File], plan: UpgradePlan
) -> None:
    """Return once so many jobs wait and half of each file's parts are done, and no one goes on with them."""
    wait_for_load(traffic, plan.ended)
    house.pause(*house.scorers)
    wait_for_load(traffic, len(traffic.accepted) + plan.jobs)
    ids = [callers.upload(file) for file in files]

    def are_half_done() -> bool:
        counts = [house.get(f"{PATH}/{id}")["counts"] for id in ids]
        done, parts = (sum(one[name] for one in counts) for name in ("parts_done", "parts"))
        return bool(4 * done >= parts)  # a quarter, since more are done while it is asked

    def are_half_done_after_a_while() -> bool:
        """Let the worker go on for a moment: all would be done while it is asked how far it is."""
        programs = (house.bulk.pid, *children(house.bulk.pid))
        kill(*programs, number=signal.SIGCONT)
        Event().wait(MOMENT_S)
        kill(*programs, number=signal.SIGSTOP)
        return are_half_done()

    house.bulk.release()
    wait_until(are_half_done_after_a_while, within_s=SEEN_WITHIN_S, what="files to be half done")
    half_done = any(house.get(f"{PATH}/{id}")["state"] == "running" for id in ids)
    assert half_done or not plan.must_be_half_done, "no file is half done: make them larger"
    kill(house.bulk.pid, *children(house.bulk.pid), number=signal.SIGCONT)
    house.pause(house.bulk)


def drain_s(scene: FileScene, traffic: Traffic, files: set[File]) -> float:
    """Return the seconds from now until all jobs and files that were submitted by then have ended."""
    over_s = time.monotonic()
    traffic.enough(DRAINED_WITHIN_S)
    over = new_id()
    whole = comes_true(lambda: not scene.house.is_open_before(over) and all_ended(scene, files), DRAINED_WITHIN_S)
    return time.monotonic() - over_s if whole else inf
