"""Processes: the processor time and the memory that they have used, as Linux counts it, and their children."""

import os
from collections.abc import Iterator, Sequence
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


def family() -> Sequence[int]:
    """Return the processes that this one has started, and those that they have."""
    found, left = [], list(children(os.getpid()))
    while left:
        found.append(left.pop())
        left += children(found[-1])
    return found


def peak_mb(pid: int) -> float:
    """Return the most memory that a process ever had resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1000


def resident_kib(pid: int) -> int:
    """Return the resident memory of a process, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
