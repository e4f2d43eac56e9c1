"""Shows metrics: those that the processes of one service count together, and those of a program without a web server.

A process counts in the files of a *slot*, which it holds by a lock that ends with it, however it ends. The process that
takes its place takes the slot as well, and counts on from what is there. So no count is lost with a process that is
killed, none goes back, and there are never more files than there were processes at once.
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
RESERVED_BYTES = 1 << 18  # room for some 800 series of each kind; grown beyond it, and then not reserved any more

log = logging.getLogger(__name__)


def take_folder(var: Path, service: str) -> Path | None:
    """Return a new folder for the files of a service's processes, below `var`; it is the caller's while it lives.

    Folders whose processes are gone are removed. Returns None, and says so in the log, where none can be made: what is
    not seen is scored all the same.
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


def join(folder: Path) -> bool:
    """Have this process, whose metrics are not declared yet, count together with the others of its service.

    Returns False, and says so in the log, where the disk has no room: a mapped file that cannot grow would kill the
    process, and what is not seen is served and scored all the same.
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
    """Return the first slot that no living process holds; it is this one's until it ends."""
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
    """Make a file of values, with its room on the disk, unless it is there."""
    if not path.exists():
        new = path.with_suffix(".new")
        new.write_bytes(bytes(RESERVED_BYTES))  # which takes the room, as a file with a hole in it would not
        new.rename(path)


class Shared(Collector):
    """Collects what all processes of a service counted, those that are gone among them; gauges of the living only."""

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
    """Return the file that a slot's holder has locked."""
    return folder / f"{slot}.lock"


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a file or folder until the block is left. Raises BlockingIOError, unless it is to `wait`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


TRY_EVERY_S = 2.0


def registry_of(*collectors: Collector) -> CollectorRegistry:
    """Return a registry of these collectors, and of what this process and its children cost."""
    registry = CollectorRegistry()
    for collector in (*collectors, Processes(os.getpid())):
        registry.register(collector)
    return registry


def show(registry: CollectorRegistry, host: str, port: int) -> None:
    """Answer `GET /metrics` on the port from now on, in a thread; on port 0, do nothing.

    While another program has the port, such as the one that this one replaces, it is tried for: no score waits for it.
    """
    if port:
        threading.Thread(target=_show, args=(registry, host, port), name="metrics", daemon=True).start()


def _show(registry: CollectorRegistry, host: str, port: int) -> None:
    told = False
    while True:
        try:
            server, _ = start_http_server(port, host, registry)
        except OSError as error:
            if not told:
                log.warning("metrics cannot be shown on %s:%d yet: %s", host, port, error.strerror)
            told = True
            time.sleep(TRY_EVERY_S)
        else:
            # A child that outlives this process must not keep the port from the next one.
            os.register_at_fork(after_in_child=server.socket.close)
            return
