"""Processor time and memory of a service: of a process and its children together. Read from /proc, so on Linux only."""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

PROC = Path("/proc")
USER_TIME, RESIDENT = 11, 21  # fields of /proc/PID/stat after the name; three other times follow the first, proc(5)


class Processes(Collector):
    """Collects processor time and memory of the process `root` and of its children, under Prometheus's own names."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._ticks = os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._cpu_s = 0.0
        self._lock = threading.Lock()

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; none on a system without /proc."""
        found = [stat for pid in (*children(self._root), self._root) if (stat := read_stat(pid))]
        if not found:
            return
        # The root's own line also has the times of children that ended; one may be moved there while it is read.
        own, ended = found[-1][USER_TIME : USER_TIME + 4], [stat[USER_TIME : USER_TIME + 2] for stat in found[:-1]]
        with self._lock:
            self._cpu_s = max(
                self._cpu_s, sum(map(int, (*own, *(ticks for pair in ended for ticks in pair)))) / self._ticks
            )
            cpu_s = self._cpu_s
        memory_bytes = self._page_bytes * sum(int(stat[RESIDENT]) for stat in found)
        yield from describe_costs(cpu_s, memory_bytes, len(found))


def describe_costs(cpu_s: float, memory_bytes: int, processes: int) -> Iterator[Metric]:
    """Yield the metrics of this processor time, memory and number of processes."""
    yield CounterMetricFamily("process_cpu_seconds", "Processor time of the service's processes.", cpu_s)
    text = "Resident memory of the service's processes; what they share counts in each."
    yield GaugeMetricFamily("process_resident_memory_bytes", text, memory_bytes)
    yield GaugeMetricFamily("scoreline_processes", "Processes of the service.", processes)


def children(pid: int) -> Iterator[int]:
    """Yield the pids of a process's children; one that has ended is among them until the process waits for it."""
    for task in PROC.glob(f"{pid}/task/*/children"):
        with suppress(OSError):
            yield from map(int, task.read_text().split())


def read_stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the process's name; none if the process is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
