"""Counts the records that a process scores, for drift, and publishes which model it serves.

No record is kept: within a second it is counted, each feature by itself, and forgotten.
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

SEND_EVERY_S = 1.0  # a call for each batch would cost a fifth of its time
SHARE_OF_TIME = 1 / 20  # each owner costs 0.1 ms: with very many, counts are sent less often
PUBLISH_EVERY_S = 60.0  # so that a Redis that was emptied has the card again
ROWS_AT_ONCE = 16_384  # more are counted at once: they would take too much memory

Owned = tuple[str | None, int]
"""An owner, and how many consecutive records are theirs; records with the owner None are not counted."""

Counts = defaultdict[str, defaultdict[str, Counter[str]]]
"""Records by version, owner and bin."""

Noted = tuple[Sequence[NDArray[np.float32]], NDArray[np.float64], Sequence[Owned]]

log = logging.getLogger(__name__)


class DriftAccumulator:
    """Counts records, and sends the counts to the ledger about once a second, in a thread of its own.

    If the ledger does not answer, or the process dies, the counts of about a second are lost; the former also logs a
    warning. No score waits for a count, or fails because of one.
    """

    def __init__(self, histograms: Histograms, vital: VitalThreads) -> None:
        self._histograms = histograms
        self._card: Card | None = None
        self._binning: Binning | None = None
        self._refusal: Refusal | None = None
        self._unpublished: list[tuple[Card, list[Refusal | None]]] = []
        self._publish_at_s = 0.0
        self._listeners: list[Callable[[], None]] = []
        self._noted: list[Noted] = []
        self._rows = 0
        self._counts: Counts = defaultdict(lambda: defaultdict(Counter))
        self._lock = Lock()
        self._pending = Event()
        self._is_away = False
        vital.start("drift", self._send_forever)

    def serve(self, card: Card, refusal: Refusal | None = None) -> None:
        """Set the card of the model that scores from now on, and which newer bundle is refused, if any.

        Both are published when they change, and every `PUBLISH_EVERY_S` seconds.
        """
        now_s = time.monotonic()
        if card is self._card and refusal is self._refusal and now_s < self._publish_at_s:
            return
        self._call_listeners()
        with self._lock:
            if card is not self._card:
                self._count()  # in the bins of the model that scored them
                self._card, self._binning = card, Binning(card.reference) if card.reference else None
            refusals = [refusal] if refusal or self._refusal else []  # the end of a refusal is published once
            self._unpublished.append((card, refusals))
            self._refusal = refusal
            self._publish_at_s = now_s + PUBLISH_EVERY_S
        self._pending.set()

    def call_before_counting(self, count: Callable[[], None]) -> None:
        """Call `count` each time before records are counted; it may note more of them, and must not raise."""
        self._listeners.append(count)

    def wake(self) -> None:
        """Have what was noted counted and sent within about a second."""
        self._pending.set()

    def note(self, matrices: Sequence[NDArray[np.float32]], risk: NDArray[np.float64], owned: Sequence[Owned]) -> None:
        """Note the n records of the matrices, their risks (n,), and their owners, to be counted.

        Nothing is counted if the model's card has no reference.
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
        """Send new cards, refusals and counts to the ledger; if it does not answer, log a warning."""
        self._call_listeners()
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

    def _call_listeners(self) -> None:
        for count in self._listeners:
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
        except Exception as error:  # no score may fail because of counting; the text could hold a patient's values
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
            except Exception as error:  # one bad record must not end counting
                log.error("some patients are not counted for drift: %s", type(error).__name__)
            time.sleep(max(SEND_EVERY_S, (time.thread_time() - begun_s) / SHARE_OF_TIME))


def divide(owned: Sequence[Owned]) -> Iterator[tuple[str, NDArray[np.bool_] | slice]]:
    """Yield each owner with the indices, or a mask, of their records."""
    owners = list(dict.fromkeys(owner for owner, _ in owned))
    if len(owners) > 1:
        numbers = {owner: number for number, owner in enumerate(owners)}
        number_of = np.repeat([numbers[owner] for owner, _ in owned], [patients for _, patients in owned])
    for number, owner in enumerate(owners):
        if owner is not None:
            yield owner, slice(None) if len(owners) == 1 else number_of == number
