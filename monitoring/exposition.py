"""Serves metrics to Prometheus, and sums those of the processes of one service.

A process counts in the files of a *slot*, which it holds by a lock that is released when it ends, however it ends. The
process that replaces it takes the slot and counts on from there. So no count is lost with a process that is killed, no
counter ever decreases, and there are never more files than processes that ran at the same time.
"""

import fcntl
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, start_http_server, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from monitoring.processes import Processes

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own variable
KINDS = ("counter", "histogram", "gauge_livesum")  # what its files' names begin with
RESERVED_BYTES = 1 << 18  # some 800 series of each kind; a file that grows beyond it is no longer reserved

log = logging.getLogger(__name__)

TRY_EVERY_S = 2.0


def take_folder(var: Path, service: str) -> Path | None:
    """Return a new folder below `var` for the files of a service's processes; the caller holds it until it ends.

    Folders whose processes are gone are removed. Returns None, with a warning in the log, if none can be made: the
    service works without metrics too.
    """
    try:
        root = var.resolve() / "metrics"
        root.mkdir(parents=True, exist_ok=True)
        with locked(root):
            for old in root.iterdir():
                with suppress(BlockingIOError), locked(old, wait=False):
                    shutil.rmtree(old)
            folder = Path(tempfile.mkdtemp(prefix=f"{service}-", dir=root))
            # Held until the process ends, and by those that it forks.
            fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_SH)
            return folder
    except OSError as error:
        log.warning("nothing is measured: %s cannot be used (%s)", var / "metrics", error.strerror)
        return None


def join_service(folder: Path) -> bool:
    """Have this process, which has declared no metric yet, count in the folder of its service.

    Returns False, with a warning in the log, if the disk has no room: a mapped file that cannot grow would kill the
    process, which works without metrics too.
    """
    try:
        slot = take_slot(folder)
        for kind in KINDS:
            reserve(folder / f"{kind}_{slot}.db")
    except OSError as error:
        log.warning("this process is not measured: %s cannot be used (%s)", folder, error.strerror)
        return False
    os.environ[FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: slot)
    return True


def take_slot(folder: Path) -> int:
    """Return the first slot that no living process holds; this process holds it until it ends."""
    for slot in count():
        descriptor = os.open(lock_of(folder, slot), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        (folder / f"gauge_livesum_{slot}.db").unlink(missing_ok=True)
        break
    return slot


def reserve(path: Path) -> None:
    """Make a file for values that has its space on the disk already, unless there is one."""
    if not path.exists():
        new = path.with_suffix(".new")
        new.write_bytes(bytes(RESERVED_BYTES))  # a file with a hole in it would reserve no space
        new.rename(path)


class SharedMetrics(Collector):
    """Collects what all processes of a service counted, ended ones too; gauges are those of living processes only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Return the metrics, summed."""
        held: dict[str, bool] = {}
        files = []
        for path in sorted(self._folder.glob("*.db")):
            kind, _, slot = path.stem.rpartition("_")
            if kind.startswith("gauge") and not held.setdefault(slot, is_held(self._folder, int(slot))):
                continue
            files.append(str(path))
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)
        return merged


def is_held(folder: Path, slot: int) -> bool:
    """Whether a living process holds the slot."""
    try:
        with locked(lock_of(folder, slot), wait=False):
            return False
    except BlockingIOError:
        return True


def lock_of(folder: Path, slot: int) -> Path:
    """Return the path of the file that the holder of a slot has locked."""
    return folder / f"{slot}.lock"


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a file or folder in a block. Without `wait`, raises BlockingIOError if another holds it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


def make_registry(*collectors: Collector) -> CollectorRegistry:
    """Return a registry of these collectors, and of the processor time and memory of this process and its children."""
    registry = CollectorRegistry()
    for collector in (*collectors, Processes(os.getpid())):
        registry.register(collector)
    return registry


def serve_metrics(registry: CollectorRegistry, host: str, port: int) -> None:
    """Start a thread that answers `GET /metrics` on the port; for port 0, do nothing.

    While another program has the port, such as the one that this one replaces, the thread tries again and again.
    """
    if port:
        threading.Thread(target=_serve, args=(registry, host, port), name="metrics", daemon=True).start()


def _serve(registry: CollectorRegistry, host: str, port: int) -> None:
    logged = False
    while True:
        try:
            server, _ = start_http_server(port, host, registry)
        except OSError as error:
            if not logged:
                log.warning("metrics cannot be shown on %s:%d yet: %s", host, port, error.strerror)
            logged = True
            time.sleep(TRY_EVERY_S)
        else:
            # A child that outlives this process must not keep the port from the next one.
            os.register_at_fork(after_in_child=server.socket.close)
            return
