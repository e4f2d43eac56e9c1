"""The message: all that crosses the queue."""

from collections.abc import Iterable
from dataclasses import dataclass

JOBS_IN_MESSAGE = 256
PATIENTS_IN_MESSAGE = 10_000


@dataclass(frozen=True, slots=True)
class Message:
    """Ids of jobs, and when they were sent by the ledger's clock, in ms since 1970. No patient, ever."""

    sent_ms: int
    ids: list[str]


def to_messages(sent_ms: int, jobs: Iterable[tuple[str, int, bool]]) -> list[Message]:
    """Return the fewest messages for jobs given as (id, patients, alone).

    A message holds at most `JOBS_IN_MESSAGE` jobs and, if more than one, `PATIENTS_IN_MESSAGE` patients. A job that
    must go alone, since it may have killed its worker, gets a message of its own.
    """
    messages: list[Message] = []
    group, patients = Message(sent_ms, []), 0
    for id, n, alone in jobs:
        if alone:
            messages.append(Message(sent_ms, [id]))
            continue
        if group.ids and (len(group.ids) == JOBS_IN_MESSAGE or patients + n > PATIENTS_IN_MESSAGE):
            messages.append(group)
            group, patients = Message(sent_ms, []), 0
        group.ids.append(id)
        patients += n
    return [*messages, group] if group.ids else messages
