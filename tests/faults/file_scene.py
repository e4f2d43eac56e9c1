"""The scene of a fault that strikes files, and how it takes aim: at a worker that is in the middle of a part."""

from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from math import inf
from typing import Any, NamedTuple

import httpx2

from bench.local.conditions import wait_until
from tests.faults.callers import PATH, Callers
from tests.faults.file_house import FileHouse
from tests.faults.files import File
from tests.faults.loss import Loss, is_in_window, made_ms
from tests.faults.supervisor import Program, children

OPEN = {"queued", "running"}
LOOKED_WITHIN_S = 60
NUMBERS = count()


class Caught(NamedTuple):
    """A scoring process that stands in the middle of a part, its worker, and the id of the batch."""

    worker: Program
    pid: int
    id: str


@dataclass(slots=True)
class FileScene:
    """What a fault strikes, and for the how-manyth time.

    `ends` names the state that a file must end in if that is not `succeeded`, or `erased`. `changed` holds files whose
    results were seen to be anything but what they must be. `orphans` are the ids of batches that the store held as
    their ledger was lost.
    """

    house: FileHouse
    callers: Callers
    rows: int
    note_bytes: int
    outage_s: float
    strike: int = 0
    ends: dict[File, str] = field(default_factory=dict)
    changed: set[File] = field(default_factory=set)
    may_lose: Loss = Loss.NOTHING
    orphans: set[str] = field(default_factory=set)

    def new_file(self, *, stops: bool = False, is_poisoned: bool = False) -> File:
        """Return a file of several parts."""
        return File(f"aim{next(NUMBERS)}", self.rows, self.note_bytes, stops=stops, is_poisoned=is_poisoned)

    def catch(self, ends: str = "succeeded") -> Caught:
        """Upload a file that must end so, and return the process that then stands in the middle of a part of it."""
        file = self.new_file(stops=True)
        self.ends[file] = ends
        self.house.gate.arm()
        id = self.callers.upload(file)
        pid = self.house.gate.caught()
        worker = next(worker for worker in self.house.workers if pid in children(worker.pid))
        return Caught(worker, pid, id)

    def batch(self, id: str) -> dict[str, Any] | None:
        """Return a batch, or None if no answer came or there is none."""
        batch: dict[str, Any] | None = self.house.get(f"{PATH}/{id}")
        return batch

    def has_ended(self, id: str) -> bool:
        """Whether the batch is known to have ended."""
        batch = self.batch(id)
        return batch is not None and batch["state"] not in OPEN

    def may_be_gone(self, id: str) -> bool:
        """Whether a batch that is nowhere to be found may be lost."""
        if self.may_lose is Loss.TOLD:
            return self.house.tells_of_loss(f"{PATH}/{id}")
        answered_ms = self.callers.accepted_ms.get(id, inf)
        return self.may_lose is Loss.UNREPLICATED and is_in_window(made_ms(id), answered_ms, self.house.windows)

    def is_gone(self, id: str) -> bool:
        """Whether a batch is known to be lost, as it may be."""
        return self.may_lose is not Loss.NOTHING and self.batch(id) is None and self.may_be_gone(id)

    def wait_for_end(self, id: str) -> None:
        """Return once the batch has ended."""
        wait_until(lambda: self.has_ended(id), within_s=LOOKED_WITHIN_S, what="a batch to end")

    def ask(self, method: str, path: str) -> None:
        """Make a request of a batch again and again until it is answered with success."""

        def is_done() -> bool:
            with suppress(httpx2.TransportError):
                return self.house.client.request(method, f"{PATH}/{path}").is_success
            return False

        wait_until(is_done, within_s=LOOKED_WITHIN_S, what=f"{method} {path}")
