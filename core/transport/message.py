"""The message: everything that crosses the queue."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

JOBS_IN_MESSAGE = 256
RECORDS_IN_MESSAGE = 10_000

SMALL_RECORDS = 256
"""The most records of a small job, and of all small jobs that are claimed at once during a large one: some 1 ms of
work, for which a large job can wait. Source: the records of `JOBS_IN_MESSAGE` jobs of one each, as most jobs are."""


@dataclass(frozen=True, slots=True)
class Message:
    """Has a worker claim what waits or, if it holds an id, the job of that id. It never holds a record.

    `sent_ms` is when it was sent, by the ledger's clock, in ms since 1970.
    """

    sent_ms: int
    ids: list[str]


def count_messages(records: Sequence[int]) -> int:
    """Return the least number of messages for jobs with these numbers of records."""
    return max(math.ceil(len(records) / JOBS_IN_MESSAGE), math.ceil(sum(records) / RECORDS_IN_MESSAGE))
