"""Ids of jobs and batches: UUIDv7, which tell when they were made; those of probe jobs sort before all others."""

import time
from datetime import UTC, datetime
from secrets import randbits
from threading import Lock
from uuid import UUID

PROBE_JOB_PREFIX = "00000000-0000"
"""The prefix of a probe job's id: a UUIDv7 of 1970, so that probe jobs sort before all other jobs."""

RANDOM_BITS, CELL_BITS, LOWER = 74, 8, (1 << 62) - 1
STEPS = 1 << 56


class Ids:
    """Makes UUIDv7 (RFC 9562, section 5.7) that ascend, and from which no other can be guessed. Safe among threads.

    Ids of the same millisecond ascend by a random step (section 6.2, method 2) of up to 56 bits: the steps of libraries
    are so small that whoever has one id can guess its neighbours. The low 8 bits are 0: reserved for the number of a
    cell, one of several whole services behind a router.
    """

    def __init__(self) -> None:
        self._latest = 0
        self._lock = Lock()

    def make(self) -> str:
        """Return a new id."""
        random = randbits(RANDOM_BITS - CELL_BITS)
        fresh = (time.time_ns() // 1_000_000 << RANDOM_BITS) | random << CELL_BITS
        with self._lock:
            made = self._latest = max(fresh, self._latest + (1 + random % STEPS << CELL_BITS))
        digits = f"{made >> RANDOM_BITS << 80 | 7 << 76 | (made >> 62 & 0xFFF) << 64 | 2 << 62 | made & LOWER:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


new_id = Ids().make


def probe_job_id() -> str:
    """Return the id for a new probe job, which no listing shows."""
    return PROBE_JOB_PREFIX + new_id()[len(PROBE_JOB_PREFIX) :]


def first_id_at(ms: int) -> str:
    """Return the least id that can be made at `ms`, milliseconds since 1970."""
    digits = f"{max(ms, 0):012x}"
    return f"{digits[:8]}-{digits[8:]}"


def ms_of_id(id: str) -> int:
    """Return when an id, or its beginning, was made, in milliseconds since 1970; 0 for a probe job."""
    return int(id[:8] + id[9:13], 16)


def is_probe_job(id: str) -> bool:
    """Whether the id is that of a probe job."""
    return id.startswith(PROBE_JOB_PREFIX)


def time_of_id(id: UUID) -> datetime:
    """Return when the id was made, to the millisecond (RFC 9562, section 5.7)."""
    return from_ms(id.int >> 80)


def from_ms(ms: int | bytes) -> datetime:
    """Return the UTC time of milliseconds since 1970."""
    return datetime.fromtimestamp(int(ms) / 1000, tz=UTC)
