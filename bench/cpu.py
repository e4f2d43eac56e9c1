"""The processor time that processes have used, as Linux counts it."""

import os
from collections.abc import Iterator
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def used_s(pid: int) -> float:
    """Return the seconds of processor time, its own and the kernel's, that a process has used by now."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, kernel = after_name[11], after_name[12]
    return (int(user) + int(kernel)) / TICKS_PER_S


def children(pid: int) -> Iterator[int]:
    """Yield the processes that a process's main thread has started and that still run."""
    yield from map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def used_by_ended_s() -> float:
    """Return the seconds of processor time that this process's ended children have used, all together."""
    times = os.times()
    return times.children_user + times.children_system
