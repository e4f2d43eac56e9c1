"""What an operator does with dead-lettered jobs: list, replay, drop. Its output calls that the quarantine."""

from collections.abc import Callable, Iterable

from core.errors import UnknownJob
from core.ids import new_id
from core.ledger.protocol import Ledger
from core.transport.queue import Send, notify

LISTED_AT_MOST = 1_000


def list_jobs(ledger: Ledger) -> int:
    """Print each dead-lettered job, newest first: id, when it failed, number of patients, reason. Return 0."""
    jobs = ledger.dead_letters(limit=LISTED_AT_MOST)
    for job in jobs:
        print(job.id, f"{job.finished_at:%Y-%m-%dT%H:%M:%SZ}", job.patients, job.error and job.error.message, sep="\t")
    if not jobs:
        print("nothing is in quarantine")
    return 0


def replay(ledger: Ledger, send: Send, ids: Iterable[str]) -> int:
    """Make a new job of each dead-lettered job and send it; print both ids. Return 1 if any is none."""

    def replay_job(id: str) -> str:
        new = new_id()
        notify(send, [ledger.replay(id, new)])
        return f"{id} replayed as {new}"

    return _apply(ids, replay_job)


def drop(ledger: Ledger, ids: Iterable[str]) -> int:
    """Erase the records of each dead-lettered job. Return 1 if any is none."""

    def drop_job(id: str) -> str:
        ledger.drop(id)
        return f"{id} dropped"

    return _apply(ids, drop_job)


def _apply(ids: Iterable[str], act: Callable[[str], str]) -> int:
    status = 0
    for id in ids:
        try:
            print(act(id))
        except UnknownJob:
            print(f"{id} is not in quarantine")
            status = 1
    return status
