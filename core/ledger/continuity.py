"""Sees whether the ledger in Redis is still what it was, by what this process and the object store know of it."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread

from pydantic import ValidationError
from redis import Redis

from core.errors import LedgerUnavailable, StoreFull, StoreUnavailable
from core.ledger.redis.checkpoint import Checkpoint, Checkpoints, Loss
from core.settings import Settings
from core.storage.store import Store

MIRROR = "ledger.json"
"""The key of the mirror in the object store."""

COMPARE_EVERY_S = 1.0
STORE_AGAIN_S = 5.0  # each try at a store that is away is a line in the log

WHAT_BECAME = {
    "emptied": "Redis was emptied",
    "older": "Redis is older than it was",
    "other": "Redis holds another ledger than before",
}

log = logging.getLogger(__name__)


class Mirror:
    """The checkpoint in the object store, where it outlives Redis. Safe to be written by several at once.

    Raises StoreUnavailable, and StoreFull from `write`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> Checkpoint | None:
        """Return what was written last; None if nothing was, or if it cannot be read."""
        try:
            return Checkpoint.model_validate_json(self._store.read(MIRROR))
        except FileNotFoundError:
            return None
        except ValidationError:
            log.warning("%s in the object store is no checkpoint of a ledger; it is made anew", MIRROR)
            return None

    def write(self, checkpoint: Checkpoint) -> None:
        """Write it over the one before; it is durable on return."""
        self._store.write(MIRROR, checkpoint.model_dump_json().encode())


class Continuity:
    """Compares the ledger with its last checkpoint, has what was lost noted in Redis, and says so in the log.

    The checkpoint that this process begins with is that of the `mirror`, if it has one: once it can be read, for a
    store that is away holds up nothing. The program that `keeps` the checkpoint marks that the ledger has grown, and
    writes the mirror; two of them are harmless. Safe to share among threads. `clock` is for tests, as in `RedisView`.
    """

    def __init__(
        self,
        redis: Redis,
        settings: Settings,
        mirror: Mirror | None = None,
        clock: Callable[[], int] | None = None,
        *,
        keeps: bool = False,
    ) -> None:
        self._checkpoints = Checkpoints(redis, settings, clock)
        self._mirror = mirror
        self._keeps = keeps
        self._recalled = mirror is None
        self._known: Checkpoint | None = None
        self._written: Checkpoint | None = None
        self._store_due_s = 0.0
        self._lock = Lock()

    def compare(self) -> None:
        """Compare once, and write the mirror if this is for this program to do. Raises LedgerUnavailable."""
        mirrored = self._recall()
        keeps = self._keeps and self._recalled
        found = self._look(mirrored or self._known, keeps=keeps)
        if found and keeps and found != self._written:
            self._write(found)

    def lost(self, id: str) -> bool:
        """Whether an id that the ledger does not know was made within a loss, by now. Raises LedgerUnavailable."""
        found = self._look(self._known)
        return found is not None and any(loss.covers(id) for loss in found.losses)

    def start(self, stop: Event) -> None:
        """Compare every second, in a thread, until `stop` is set; return once it was tried, or after a second."""
        tried = Event()
        Thread(target=self._compare_until, args=(stop, tried), name="continuity", daemon=True).start()
        tried.wait(COMPARE_EVERY_S)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Compare every second until the block is left, as from `start` on."""
        stop = Event()
        self.start(stop)
        try:
            yield
        finally:
            stop.set()

    def _compare_until(self, stop: Event, tried: Event) -> None:
        while not stop.is_set():
            try:
                self.compare()
            except LedgerUnavailable:
                log.debug("the ledger is away, and compared later")
            except Exception as error:  # one bad comparison is no reason to make no more
                log.error("the ledger could not be compared with what was known of it: %s", type(error).__name__)
            tried.set()
            stop.wait(COMPARE_EVERY_S)

    def _look(self, known: Checkpoint | None, *, keeps: bool = False) -> Checkpoint | None:
        found = self._checkpoints.compare(known, keeps=keeps)
        with self._lock:
            before = self._known
            if found and not (before and found.precedes(before)):  # another thread may have looked since
                self._known = found
                for loss in found.losses:
                    if not before or loss not in before.losses:
                        log.error("%s", describe(loss))
        return found

    def _recall(self) -> Checkpoint | None:
        """Return what the mirror says, the first time that it can be read."""
        if self._mirror and not self._recalled:
            with self._sparing_store() as store_is_due:
                if store_is_due:
                    mirrored, self._recalled = self._mirror.read(), True
                    return mirrored
        return None

    def _write(self, found: Checkpoint) -> None:
        if self._mirror:
            with self._sparing_store() as store_is_due:
                if store_is_due:
                    self._mirror.write(found)
                    self._written = found

    @contextmanager
    def _sparing_store(self) -> Iterator[bool]:
        """Pass over a store that is away or full, and say whether it is to be asked again already."""
        try:
            yield time.monotonic() >= self._store_due_s
        except (StoreUnavailable, StoreFull):
            self._store_due_s = time.monotonic() + STORE_AGAIN_S


def describe(loss: Loss) -> str:
    """Return the line that tells operators of a loss."""
    until = f"{loss.until:%Y-%m-%dT%H:%M:%SZ}"
    when = f"between {loss.since:%Y-%m-%dT%H:%M:%SZ} and {until}" if loss.since_ms else f"before {until}"
    return (
        f"{WHAT_BECAME[loss.how]}: of the jobs and batches that were submitted {when}, those that it does not know are "
        "lost, and answered 410 ledger-lost"
    )
