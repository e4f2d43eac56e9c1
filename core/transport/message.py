"""The message: all that crosses the queue."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

JOBS_IN_MESSAGE = 256
PATIENTS_IN_MESSAGE = 10_000

SMALL_RECORDS = 256
"""Of a small job, and of all small ones that are taken amid a large one: some 1 ms of work, for which a large can wait.
Source: the records of `JOBS_IN_MESSAGE` jobs of one each, which is how most are sent."""


@dataclass(frozen=True, slots=True)
class Message:
    """A turn of a worker at what waits, or one at the job with this id; no patient, ever.

    `sent_ms` is when it was sent by the ledger's clock, in ms since 1970.
    """

    sent_ms: int
    ids: list[str]


def count_turns(records: Sequence[int]) -> int:
    """Return the least number of turns that take jobs of so many records each."""
    return max(math.ceil(len(records) / JOBS_IN_MESSAGE), math.ceil(sum(records) / PATIENTS_IN_MESSAGE))
