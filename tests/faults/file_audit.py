"""Counts what became of every row of every file: each must be in the results or in the errors, once."""

import json
from collections import Counter
from dataclasses import dataclass, field

import httpx2

from bench.local.conditions import wait_until
from core.ledger.redis.keys import TRASH
from tests.faults.callers import PATH
from tests.faults.fault import RECOVERED_WITHIN_S
from tests.faults.file_scene import FileScene
from tests.faults.files import File, results_of
from tests.faults.loss import Loss

ANSWERED_WITHIN_S = 60
CLEARED_WITHIN_S = 30


@dataclass(slots=True)
class FileCount:
    """What was counted in one trial; `recoveries_s` has one time for each strike, infinite if there was no recovery.

    Of `rows`, those `called_off` were not scored since their batch was canceled, erased or poisoned. `changed` counts
    files, and `left` what the store still held of nobody's. `readings` were made of results before their batch ended.
    """

    fault: str
    limit_s: float = RECOVERED_WITHIN_S
    files: int = 0
    rows: int = 0
    scored: int = 0
    rejected: int = 0
    called_off: int = 0
    lost: int = 0
    told: int = 0
    unreplicated: int = 0
    doubled: int = 0
    changed: int = 0
    left: int = 0
    readings: int = 0
    refused: int = 0
    unanswered: int = 0
    recoveries_s: list[float] = field(default_factory=list)

    @property
    def recovered_s(self) -> float:
        """The seconds that the slowest recovery took."""
        return max(self.recoveries_s, default=0)

    @property
    def is_kept(self) -> bool:
        """Whether the promise was kept."""
        return self.rows > 0 and not (self.lost or self.doubled or self.changed or self.left)


def audit(scene: FileScene, count: FileCount) -> FileCount:
    """Read all of every accepted batch, and return the count completed with what became of the rows."""
    accepted = scene.callers.accepted
    with httpx2.Client(base_url=scene.house.url, timeout=ANSWERED_WITHIN_S) as client:
        for file, id in accepted.items():
            count_file(client, scene, file, id, count)
        known, page = set(accepted.values()), client.get(PATH, params={"limit": 1000}).json()
    oldest = min(known)
    unknown = [batch for batch in page["data"] if batch["id"] not in known and batch["id"] >= oldest]
    count.doubled += sum(batch["counts"]["rows"] for batch in unknown)
    count.left = clear(scene, {batch["id"] for batch in page["data"]} | scene.orphans)
    count.files, count.changed = len(accepted), len(scene.changed)
    answers = scene.callers.answers
    count.refused, count.unanswered = sum(answers.values()) - answers[202], scene.callers.lost_answers
    return count


def count_file(client: httpx2.Client, scene: FileScene, file: File, id: str, count: FileCount) -> None:
    """Add what became of a file's rows."""
    ends, answer = scene.ends.get(file, "succeeded"), client.get(f"{PATH}/{id}")
    count.rows += file.rows
    if ends == "erased":
        count.called_off += file.rows
        count.doubled += file.rows if answer.status_code != 404 else 0
        return
    if answer.status_code != 200:
        lose(scene, file, id, count)
        return
    batch = answer.json()
    results, errors = read_twice(client, scene, file, f"{id}/results"), read_twice(client, scene, file, f"{id}/errors")
    scored, rejected, lost, doubled = tally(file, results, errors)
    count.scored += scored
    count.rejected += rejected
    count.doubled += doubled
    if batch["state"] != ends:
        count.lost += lost or file.rows
    elif ends == "succeeded":
        count.lost += lost
    else:
        count.called_off += lost
    told = batch["counts"]
    if (told["scored"], told["rejected"]) != (scored + doubled, rejected):
        scene.changed.add(file)


def lose(scene: FileScene, file: File, id: str, count: FileCount) -> None:
    """Add the rows of a file that is not to be found."""
    if not scene.may_be_gone(id):
        count.lost += file.rows
    elif scene.may_lose is Loss.TOLD:
        count.told += file.rows
    else:
        count.unreplicated += file.rows


def read_twice(client: httpx2.Client, scene: FileScene, file: File, path: str) -> bytes:
    """Return what there is, which must be the same when it is read again in two ranges."""
    whole = client.get(f"{PATH}/{path}")
    middle = len(whole.content) // 2
    again = b""
    if middle:
        ranges = (f"bytes=0-{middle - 1}", f"bytes={middle}-")
        again = b"".join(client.get(f"{PATH}/{path}", headers={"Range": part}).content for part in ranges)
    if whole.status_code != 200 or (middle and again != whole.content):
        scene.changed.add(file)
    return whole.content


def tally(file: File, results: bytes, errors: bytes) -> tuple[int, int, int, int]:
    """Return how many rows are rightly scored, rightly rejected, in neither, and how many lines are one too many."""
    told = Counter((line["line"], line["column"], line["code"]) for line in map(json.loads, errors.splitlines()))
    faults = Counter(file.faults)
    rejected, extra = (told & faults).total(), (told - faults).total()
    if results == results_of(file):
        scored = file.rows - faults.total()
    else:
        there, due = (Counter(text.split(b"\n")[:-1]) for text in (results, results_of(file)))
        scored, extra = (there & due).total(), extra + (there - due).total()
        head = 0 if file.is_jsonl else 1
        scored -= min(head, scored)
    return scored, rejected, file.rows - scored - rejected, extra


def clear(scene: FileScene, known: set[str]) -> int:
    """Return of how many ids the store still holds something that are no batch's, once all is cleared that may be.

    What is left of an upload that broke off is held for a while: that must be bounded, and is cut short here.
    """

    def strays() -> set[str]:
        return scene.house.stored() - known

    with scene.house.ledger() as (redis, batches):
        for id in strays():
            due, now_s = redis.zscore(TRASH, id), redis.time()[0]
            if due is not None and due / 1000 - now_s <= scene.house.claim_lasts_s:
                batches.hold(id, 0)
    try:
        wait_until(lambda: not strays(), within_s=CLEARED_WITHIN_S, what="the store to be cleared")
    except AssertionError:
        return len(strays())
    return 0
