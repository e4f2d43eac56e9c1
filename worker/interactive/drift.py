"""Counts whom a process has scored, for drift to be seen, and tells the ledger which model it serves.

No patient is kept: within a second they are counted, each feature by itself, and forgotten.
"""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from threading import Event, Lock

import numpy as np
from numpy.typing import NDArray

from core.errors import LedgerUnavailable
from core.ledger.redis.histograms import Histograms
from core.schema.reference import Refusal
from models.binning import Binning
from models.card import Card
from monitoring.vital import VitalThreads

SEND_EVERY_S = 1.0  # a call for each batch would cost a fifth of it
SHARE_OF_TIME = 1 / 20  # each owner costs 0.1 ms: where there are very many, it tells less often
PUBLISH_EVERY_S = 60.0  # a Redis that was emptied knows the card again
ROWS_AT_ONCE = 16_384  # more are counted without delay: they would take too much memory

Owned = tuple[str | None, int]
"""How many patients, one after another, belong to an owner; None has those who are not counted."""

Counts = defaultdict[str, defaultdict[str, Counter[str]]]
"""Patients by version, owner and bin."""

Noted = tuple[Sequence[NDArray[np.float32]], NDArray[np.float64], Sequence[Owned]]

log = logging.getLogger(__name__)


class DriftAccumulator:
    """Counts patients, and tells the ledger about once a second, in a thread of its own.

    A ledger that does not answer costs a warning and the counts of a second, as a process that dies costs those: no
    score waits for a count, and none fails with one.
    """

    def __init__(self, histograms: Histograms, vital: VitalThreads) -> None:
        self._histograms = histograms
        self._card: Card | None = None
        self._binning: Binning | None = None
        self._refusal: Refusal | None = None
        self._unpublished: list[tuple[Card, list[Refusal | None]]] = []
        self._publish_at_s = 0.0
        self._before: list[Callable[[], None]] = []
        self._noted: list[Noted] = []
        self._rows = 0
        self._counts: Counts = defaultdict(lambda: defaultdict(Counter))
        self._lock = Lock()
        self._pending = Event()
        self._is_away = False
        vital.start("drift", self._send_forever)

    def serve(self, card: Card, refusal: Refusal | None = None) -> None:
        """Take the card of the model that scores from now on, and which bundle is refused for its sake, if any.

        Both are published when they are new, and now and then.
        """
        now_s = time.monotonic()
        if card is self._card and refusal is self._refusal and now_s < self._publish_at_s:
            return
        self._count_before()
        with self._lock:
            if card is not self._card:
                self._count()  # by the bins that they were scored with
                self._card, self._binning = card, Binning(card.reference) if card.reference else None
            told = [refusal] if refusal or self._refusal else []  # that one has ended is told once
            self._unpublished.append((card, told))
            self._refusal = refusal
            self._publish_at_s = now_s + PUBLISH_EVERY_S
        self._pending.set()

    def count_before(self, count: Callable[[], None]) -> None:
        """Have something else counted each time before the patients are, who may be noted by it; it may not raise."""
        self._before.append(count)

    def wake(self) -> None:
        """Have what was noted counted, and told, within about a second."""
        self._pending.set()

    def note(self, matrices: Sequence[NDArray[np.float32]], risk: NDArray[np.float64], owned: Sequence[Owned]) -> None:
        """Count the n patients of the matrices, and the risks that they were given, (n,), by whose they are.

        Where the model's card has no reference, none is counted.
        """
        if self._binning is None:
            return
        with self._lock:
            self._noted.append((matrices, risk, owned))
            self._rows += len(risk)
            if self._rows >= ROWS_AT_ONCE:
                self._count()
        self._pending.set()

    def send_counts(self) -> None:
        """Tell the ledger what is new, if it answers."""
        self._count_before()
        with self._lock:
            self._count()
            counts, self._counts = self._counts, defaultdict(lambda: defaultdict(Counter))
            cards, self._unpublished = self._unpublished, []
        try:
            for card, refusals in cards:
                self._histograms.publish(card.version, card.model_dump_json(exclude_none=True))
                for refusal in refusals:
                    self._histograms.publish_refusal(refusal.model_dump_json() if refusal else None)
            for version, owners in counts.items():
                self._histograms.add(version, owners)
            self._is_away = self._is_away and not (cards or counts)
        except LedgerUnavailable as error:
            if cards:
                self._publish_at_s = 0.0
            if not self._is_away:
                log.warning("patients are not counted for drift: %s", type(error.__cause__).__name__)
            self._is_away = True

    def _count_before(self) -> None:
        for count in self._before:
            count()

    def _count(self) -> None:
        noted, self._noted, self._rows = self._noted, [], 0
        if not noted or self._card is None or self._binning is None:
            return
        try:
            matrix = np.concatenate([matrix for matrices, _, _ in noted for matrix in matrices])
            risk = np.concatenate([risk for _, risk, _ in noted])
            places = list(divide([each for _, _, owned in noted for each in owned]))
            found = [(owner, self._binning.count(matrix[rows], risk[rows])) for owner, rows in places]
        except Exception as error:  # whatever it is, no score may fail with it; its text could hold a patient's values
            log.error("some patients are not counted for drift: %s", type(error).__name__)
        else:
            for owner, bins in found:
                self._counts[self._card.version][owner].update(bins)

    def _send_forever(self) -> None:
        while True:
            self._pending.wait()
            self._pending.clear()
            begun_s = time.thread_time()
            try:
                self.send_counts()
            except Exception as error:  # one bad record is no reason to count nobody any more
                log.error("some patients are not counted for drift: %s", type(error).__name__)
            time.sleep(max(SEND_EVERY_S, (time.thread_time() - begun_s) / SHARE_OF_TIME))


def divide(owned: Sequence[Owned]) -> Iterator[tuple[str, NDArray[np.bool_] | slice]]:
    """Yield each owner with the places of their patients."""
    owners = list(dict.fromkeys(owner for owner, _ in owned))
    if len(owners) > 1:
        numbers = {owner: number for number, owner in enumerate(owners)}
        number_of = np.repeat([numbers[owner] for owner, _ in owned], [patients for _, patients in owned])
    for number, owner in enumerate(owners):
        if owner is not None:
            yield owner, slice(None) if len(owners) == 1 else number_of == number
