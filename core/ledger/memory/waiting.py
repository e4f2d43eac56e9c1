"""How jobs wait in the ledger's twin: by owner, who is served in turn, by the plainest means."""

from collections.abc import Callable
from math import inf

from core.ids import is_probe_job
from core.ledger.redis.constants import RECORDS_A_VISIT
from core.ledger.redis.keys import PROBES

Entry = tuple[int, int, str]
"""Priority, when it was accepted in ms, and id of a job that waits."""


class Waiting:
    """Start-time fair queueing among owners, each of weight 1."""

    def __init__(self) -> None:
        self._entries: dict[str, list[Entry]] = {}
        self._marks: dict[str, float] = {}
        self._served: dict[str, float] = {}
        self._latest = 0.0
        self._leaving = set[str]()

    def __bool__(self) -> bool:
        """Whether any owner may have jobs that wait."""
        return bool(self._marks)

    def add(self, id: str, owner: str, priority: int, at_ms: int) -> None:
        """Have a job wait."""
        owner = PROBES if is_probe_job(id) else owner
        self._entries.setdefault(owner, []).append((priority, at_ms, id))
        self._entries[owner].sort()
        self._marks.setdefault(owner, max(self._served.get(owner, 0), self._latest))

    def remove(self, id: str) -> None:
        """Have it wait no more."""
        for owner, entries in self._entries.items():
            left = [entry for entry in entries if entry[2] != id]
            if len(left) < len(entries):
                entries[:] = left
                self._leaving.add(owner)

    def settle(self) -> None:
        """Forget the owners from whom the last job was removed."""
        for owner in self._leaving:
            if not self._entries[owner] and self._marks.pop(owner, None) is not None and not self._marks:
                self._served, self._latest = {}, 0.0
        self._leaving.clear()

    def go_round(self, claim: Callable[[str], int | None], room_for: Callable[[], int]) -> bool:
        """Claim for one owner after the other, as lib/fair_queue.lua does; return whether more waits."""
        while self._marks:
            many = room_for()
            if many < 1:
                return True
            (mark, owner), *others = sorted((mark, owner) for owner, mark in self._marks.items())
            budget = others[0][0] - mark + RECORDS_A_VISIT if others else inf
            served, full, empty = self._claim_of(owner, claim, min(many, RECORDS_A_VISIT) if others else many, budget)
            self._marks[owner], self._latest = mark + served, mark
            if empty:
                self._served[owner] = self._marks.pop(owner)
            if not self._marks:
                self._served, self._latest = {}, 0.0
            if full:
                return True
        return False

    def _claim_of(
        self, owner: str, claim: Callable[[str], int | None], many: int, budget: float
    ) -> tuple[int, bool, bool]:
        looked_at, gone, served, full = self._entries[owner][:many], 0, 0, False
        for _, _, id in looked_at:
            n = claim(id)
            if n is None:
                full = True
                break
            gone, served = gone + 1, served + n
            if served >= budget:
                break
        for entry in looked_at[:gone]:
            if entry in self._entries[owner]:
                self._entries[owner].remove(entry)
        return served, full, gone == len(looked_at) and not self._entries[owner]
