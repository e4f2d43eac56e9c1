"""Counts whom a process has scored, for drift to be seen, and tells the ledger which model it serves.

No patient is kept: within a second they are counted, each feature by itself, and forgotten.
"""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from threading import Event, Lock

import numpy as np
from numpy.typing import NDArray

from contract.errors import LedgerUnavailable
from contract.ledger.histograms import Histograms
from contract.reference import Refusal
from models.binning import Binning
from models.card import Card
from monitoring.vital import VitalThreads

TELL_EVERY_S = 1.0  # a call for each batch would cost a fifth of it
PUBLISH_EVERY_S = 60.0  # a Redis that was emptied knows the card again
ROWS_AT_ONCE = 16_384  # more are counted without delay: they would take too much memory

Noted = tuple[Sequence[NDArray[np.float32]], NDArray[np.float64], NDArray[np.bool_] | None]

log = logging.getLogger(__name__)


class Tally:
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
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._lock = Lock()
        self._news = Event()
        self._is_away = False
        vital.start("drift", self._tell_on)

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
        self._news.set()

    def count_before(self, count: Callable[[], None]) -> None:
        """Have something else counted each time before the patients are, who may be noted by it; it may not raise."""
        self._before.append(count)

    def wake(self) -> None:
        """Have what was noted counted, and told, within about a second."""
        self._news.set()

    def note(
        self, matrices: Sequence[NDArray[np.float32]], risk: NDArray[np.float64], ours: NDArray[np.bool_] | None = None
    ) -> None:
        """Count those n patients of the matrices who are `ours`, or all, and the risks that they were given, (n,).

        Where the model's card has no reference, none is counted.
        """
        if self._binning is None:
            return
        with self._lock:
            self._noted.append((matrices, risk, ours))
            self._rows += len(risk)
            if self._rows >= ROWS_AT_ONCE:
                self._count()
        self._news.set()

    def tell(self) -> None:
        """Tell the ledger what is new, if it answers."""
        self._count_before()
        with self._lock:
            self._count()
            counts, self._counts = self._counts, defaultdict(Counter)
            cards, self._unpublished = self._unpublished, []
        try:
            for card, refusals in cards:
                self._histograms.publish(card.version, card.model_dump_json(exclude_none=True))
                for refusal in refusals:
                    self._histograms.publish_refusal(refusal.model_dump_json() if refusal else None)
            for version, bins in counts.items():
                self._histograms.add(version, bins)
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
            rows = [np.concatenate(matrices)[... if ours is None else ours] for matrices, _, ours in noted]
            found = self._binning.count(np.concatenate(rows), np.concatenate([risk for _, risk, _ in noted]))
        except Exception as error:  # whatever it is, no score may fail with it; its text could hold a patient's values
            log.error("some patients are not counted for drift: %s", type(error).__name__)
        else:
            self._counts[self._card.version].update(found)

    def _tell_on(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            try:
                self.tell()
            except Exception as error:  # one bad record is no reason to count nobody any more
                log.error("some patients are not counted for drift: %s", type(error).__name__)
            time.sleep(TELL_EVERY_S)
