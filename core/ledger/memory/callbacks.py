"""The twin in memory of what keeps callbacks, over the jobs of a `MemoryLedger`."""

from typing_extensions import override

from core.ledger.callback import CALLBACKS_AT_ONCE, Callback, Callbacks, Due
from core.ledger.memory.ledger import MemoryLedger
from core.ledger.memory.record import Record
from core.settings import Settings


class MemoryCallbacks(Callbacks):
    """The callbacks of the jobs in one twin, read off its clock."""

    def __init__(self, ledger: MemoryLedger, settings: Settings) -> None:
        self._ledger = ledger
        self._settings = settings

    @override
    def due(self) -> Due:
        return Due(len(self._due()), 0)

    @override
    def claim(self) -> list[Callback]:
        taken = []
        for _, id, job in self._due()[:CALLBACKS_AT_ONCE]:
            job.notified += 1
            job.due_ms = self._ledger._clock() + int(3 * self._settings.callback_timeout_s * 1000)
            ended = (job.state, job.finished_ms or 0)
            taken.append(Callback(id, job.callback or "", *ended, job.notified, trace=job.trace))
        return taken

    @override
    def put_off(self, id: str, wait_s: float) -> bool:
        job, due_ms = self._ledger._jobs.get(id), self._ledger._clock() + int(wait_s * 1000)
        if job is None or job.finished_ms is None or job.finished_ms + self._settings.result_ttl * 1000 <= due_ms:
            return False
        job.due_ms = None if job.due_ms is None else due_ms
        return True

    @override
    def forget(self, id: str) -> None:
        if id in self._ledger._jobs:
            self._ledger._jobs[id].due_ms = None

    def _due(self) -> list[tuple[int, str, Record]]:
        self._ledger._forget()
        jobs = ((job.due_ms, id, job) for id, job in self._ledger._jobs.items() if job.due_ms is not None)
        return sorted((one for one in jobs if one[0] <= self._ledger._clock()), key=lambda one: one[:2])
