"""One trial of a fault that strikes files: uploads, the fault, the time to recover, and the count of every row."""

import time
from dataclasses import dataclass
from itertools import count as counting
from math import inf

from bench.local.conditions import wait_until
from tests.faults.callers import Callers
from tests.faults.file_audit import FileCount, audit
from tests.faults.file_fault import FileFault
from tests.faults.file_house import FileHouse
from tests.faults.file_scene import FileScene
from tests.faults.files import File
from tests.faults.onlooker import Onlooker
from tests.faults.trial import comes_true

FRESH_ROWS = 20
LOADED_WITHIN_S = 120
TRIALS = counting()


@dataclass(frozen=True, slots=True)
class FilePlan:
    """How hard a trial is: its files besides those that a fault aims at, how often that strikes, how long to wait."""

    files: int
    rows: int
    aimed_rows: int
    note_bytes: int = 0
    strikes: int = 1
    outage_s: float = 10
    patience_s: float = 60

    def make_files(self) -> list[File]:
        """Return the files of one trial: CSV and JSON Lines, packed and not."""
        trial = next(TRIALS)
        return [
            File(
                f"t{trial}f{number}",
                self.rows // self.files,
                self.note_bytes,
                is_jsonl=number % 3 == 1,
                is_packed=number % 3 == 2,
            )
            for number in range(self.files)
        ]


def hold_file_trial(house: FileHouse, fault: FileFault, plan: FilePlan) -> FileCount:
    """Strike the house with the fault while files come in and are scored, let it recover, and count.

    Raises AssertionError if the fault could not strike, or if an answer came that no caller should ever see.
    """
    count, files = FileCount(fault.name, fault.recovers_within_s), plan.make_files()
    with Callers(house, files) as callers:
        scene = FileScene(house, callers, plan.aimed_rows, plan.note_bytes, plan.outage_s, may_lose=fault.may_lose)
        with Onlooker(scene) as onlooker:
            for scene.strike in range(plan.strikes):
                wait_for_load(callers, plan.files * scene.strike / plan.strikes)
                fault.strike(scene)
                count.recoveries_s.append(recovery_s(scene, plan.patience_s))
            callers.finish(plan.patience_s)
            if count.recovered_s < inf:
                comes_true(lambda: all_ended(scene, set(callers.accepted)), plan.patience_s)
        assert not callers.surprises, f"answers that no caller should see: {callers.surprises[:3]}"
        count.readings = onlooker.readings
        count.lost = sum(file.rows for file in files if file not in callers.accepted)
        return audit(scene, count)


def wait_for_load(callers: Callers, files: float) -> None:
    """Return once more than so many files are accepted; others are then under way."""
    wait_until(lambda: len(callers.accepted) > files, within_s=LOADED_WITHIN_S, what="files to strike")


def recovery_s(scene: FileScene, patience_s: float) -> float:
    """Return the seconds from now until all batches that are older than now have ended, and then a fresh one."""
    over_s, older = time.monotonic(), set(scene.callers.accepted)
    if not comes_true(lambda: all_ended(scene, older), patience_s):
        return inf
    fresh = scene.callers.upload(File(f"fresh{next(TRIALS)}", FRESH_ROWS))
    whole = comes_true(lambda: scene.has_ended(fresh), patience_s)
    return time.monotonic() - over_s if whole else inf


def all_ended(scene: FileScene, files: set[File]) -> bool:
    """Whether these files are known to have ended; those that have are taken out."""
    for file in list(files):
        id = scene.callers.accepted[file]
        if scene.ends.get(file) == "erased" or scene.has_ended(id) or scene.is_gone(id):
            files.remove(file)
    return not files
