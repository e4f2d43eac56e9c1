"""Detects that the ledger in Redis lost data, by what this process and the object store remember of it."""

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
"""The key of the checkpoint's copy in the object store."""

COMPARE_EVERY_S = 1.0
STORE_AGAIN_S = 5.0  # each attempt at an unavailable store is a line in the log

LOSS_KINDS = {
    "emptied": "Redis was emptied",
    "older": "Redis is older than it was",
    "other": "Redis holds another ledger than before",
}

log = logging.getLogger(__name__)


class Mirror:
    """The copy of the checkpoint in the object store, where it outlives Redis. Several may write it at once.

    Raises StoreUnavailable, and StoreFull from `write`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> Checkpoint | None:
        """Return the checkpoint that was written last; None if there is none, or it cannot be read."""
        try:
            return Checkpoint.model_validate_json(self._store.read(MIRROR))
        except FileNotFoundError:
            return None
        except ValidationError:
            log.warning("%s in the object store is no checkpoint of a ledger; it is made anew", MIRROR)
            return None

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint; it is durable on return."""
        self._store.write(MIRROR, checkpoint.model_dump_json().encode())


class Continuity:
    """Compares the ledger with its last checkpoint; writes a loss to Redis and to the log.

    With a `mirror`, this process begins with the checkpoint in it, as soon as that can be read: an unavailable store
    delays nothing. The program that `keeps` the checkpoint updates it as the ledger grows, and writes the mirror; two
    such programs are harmless. Safe to share among threads. `clock` is for tests, as in `RedisView`.
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
        self._mirror_was_read = mirror is None
        self._known: Checkpoint | None = None
        self._written: Checkpoint | None = None
        self._store_due_s = 0.0
        self._lock = Lock()

    def compare(self) -> None:
        """Compare once, and write the mirror if this program keeps the checkpoint. Raises LedgerUnavailable."""
        mirrored = self._read_mirror()
        keeps = self._keeps and self._mirror_was_read
        found = self._compare(mirrored or self._known, keeps=keeps)
        if found and keeps and found != self._written:
            self._write(found)

    def lost(self, id: str) -> bool:
        """Whether an unknown id was made within an interval that the ledger has lost. Raises LedgerUnavailable."""
        found = self._compare(self._known)
        return found is not None and any(loss.covers(id) for loss in found.losses)

    def start(self, stop: Event) -> None:
        """Compare every second, in a thread, until `stop` is set; return after the first attempt, or a second."""
        tried = Event()
        Thread(target=self._compare_until, args=(stop, tried), name="continuity", daemon=True).start()
        tried.wait(COMPARE_EVERY_S)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Compare every second until the block is left, as `start` does."""
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
            except Exception as error:  # one failed comparison must not end comparing
                log.error("the ledger could not be compared with what was known of it: %s", type(error).__name__)
            tried.set()
            stop.wait(COMPARE_EVERY_S)

    def _compare(self, known: Checkpoint | None, *, keeps: bool = False) -> Checkpoint | None:
        found = self._checkpoints.compare(known, keeps=keeps)
        with self._lock:
            before = self._known
            if found and not (before and found.precedes(before)):  # another thread may have compared since
                self._known = found
                for loss in found.losses:
                    if not before or loss not in before.losses:
                        log.error("%s", describe(loss))
        return found

    def _read_mirror(self) -> Checkpoint | None:
        """Return the checkpoint in the mirror, the first time that it can be read."""
        if self._mirror and not self._mirror_was_read:
            with self._tolerating_store_errors() as store_is_due:
                if store_is_due:
                    mirrored, self._mirror_was_read = self._mirror.read(), True
                    return mirrored
        return None

    def _write(self, found: Checkpoint) -> None:
        if self._mirror:
            with self._tolerating_store_errors() as store_is_due:
                if store_is_due:
                    self._mirror.write(found)
                    self._written = found

    @contextmanager
    def _tolerating_store_errors(self) -> Iterator[bool]:
        """Ignore a store that is unavailable or full; yield whether it is time to use it again."""
        try:
            yield time.monotonic() >= self._store_due_s
        except (StoreUnavailable, StoreFull):
            self._store_due_s = time.monotonic() + STORE_AGAIN_S


def describe(loss: Loss) -> str:
    """Return the log line that reports a loss to operators."""
    until = f"{loss.until:%Y-%m-%dT%H:%M:%SZ}"
    when = f"between {loss.since:%Y-%m-%dT%H:%M:%SZ} and {until}" if loss.since_ms else f"before {until}"
    return (
        f"{LOSS_KINDS[loss.how]}: of the jobs and batches that were submitted {when}, those that it does not know are "
        "lost, and answered 410 ledger-lost"
    )
