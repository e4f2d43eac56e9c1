"""Reads results all the while, and remembers each: what a reader has seen must never change."""

import json
from threading import Lock
from typing import Any

import httpx2
from typing_extensions import override

from tests.faults.background import Background
from tests.faults.house import House
from tests.faults.traffic import Traffic

ENDED = {"succeeded", "failed", "canceled", "expired"}
SAMPLED_EVERY = 7  # of the accepted jobs
READ_EVERY_S = 0.02  # a reader must not take the cores from the callers


class Witness:
    """Everything that was ever seen to have ended in one house, and which of it was later seen otherwise."""

    def __init__(self) -> None:
        self.changed: set[str] = set()
        self._seen: dict[str, dict[str, Any]] = {}
        self._lock = Lock()

    def see(self, job: dict[str, Any]) -> None:
        """Remember a job that has ended; if it was seen before, hold it against what was seen then."""
        with self._lock:
            before = self._seen.setdefault(job["id"], job) if job["state"] in ENDED else self._seen.get(job["id"])
            if before is not None and before != job:
                self.changed.add(job["id"])

    def miss(self, id: str) -> None:
        """Remember that the job is nowhere to be found; if it was seen before, that is a change."""
        if id in self.ids:
            self.changed.add(id)

    def first_seen(self, id: str) -> dict[str, Any]:
        """Return an ended job as it was first seen."""
        with self._lock:
            return self._seen[id]

    @property
    def ids(self) -> set[str]:
        """The ids of all jobs that were seen to have ended."""
        with self._lock:
            return set(self._seen)


class Reader(Background):
    """Polls a sample of the traffic's accepted jobs, ended ones too, until the block is left."""

    def __init__(self, house: House, traffic: Traffic, witness: Witness) -> None:
        super().__init__()
        self._url, self._traffic, self._witness = house.url, traffic, witness

    @override
    def _work(self) -> None:
        turn = 0
        with httpx2.Client(base_url=self._url, timeout=15) as client:
            while not self._stop.wait(READ_EVERY_S):
                # Round and round, so that most of them are read while they are open, and again after they ended.
                number = SAMPLED_EVERY * turn
                if number >= self._traffic.submitted:
                    turn, number = 0, 0
                turn += 1
                if id := self._traffic.accepted.get(number):
                    self._look(client, id)

    def _look(self, client: httpx2.Client, id: str) -> None:
        try:
            answer = client.get(f"/v1/jobs/{id}")
        except httpx2.TransportError:
            return
        if answer.status_code == 200:
            self._witness.see(json.loads(answer.content))
