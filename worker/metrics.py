"""Measures a worker by wrapping its model and its ledgers, which do not know of metrics."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from redis import Redis
from typing_extensions import override

from core.ledger.batch import DonePart
from core.ledger.protocol import Claimed, Outcome, Pause
from core.ledger.redis.batch_record import BegunPart, ClaimedPart
from core.ledger.redis.batches import Batches
from core.ledger.redis.ledger import RedisLedger
from core.schema.score import ScoreRow
from core.settings import Settings
from core.transport.message import JOBS_IN_MESSAGE, Message
from models.card import Card
from models.scorer import Predictions
from monitoring.exposition import join_service
from monitoring.instrument import WorkerMetrics
from worker.bulk.part import Predictor
from worker.interactive.counters import BatchCounters
from worker.interactive.scoring import Classifier


class Model(Classifier, Predictor, Protocol):
    """Scores jobs and files, and has a card, as `models.scorer.Scorer` does."""

    @property
    def card(self) -> Card:
        """The model's card."""


class MeasuredLedger(RedisLedger):
    """The ledger of jobs, which notes what is committed."""

    def __init__(self, redis: Redis, settings: Settings, counters: BatchCounters) -> None:
        super().__init__(redis, settings)
        self._counters = counters
        self._owners: dict[str, str] = {}

    @override
    def claim(self, message: Message, *, jobs: int = JOBS_IN_MESSAGE, long_poll: bool = False) -> list[Claimed]:
        self._owners.clear()
        return self._note_owners(super().claim(message, jobs=jobs, long_poll=long_poll))

    @override
    def claim_small(self, records: int) -> list[Claimed]:
        return self._note_owners(super().claim_small(records))

    @override
    def finish(self, outcomes: Sequence[Outcome], pause: Pause | None = None) -> int:
        scored = sum(len(outcome.scores or ()) for outcome in outcomes)
        matrices = self._counters.release(scored)  # of these outcomes, in their order, without the failed ones
        ended = super().finish(outcomes, pause)
        owners = {outcome.id: self._owners[outcome.id] for outcome in outcomes if outcome.id in self._owners}
        self._counters.note_committed(outcomes, matrices, owners)
        return ended

    def _note_owners(self, claimed: list[Claimed]) -> list[Claimed]:
        self._owners.update((job.id, job.owner) for job in claimed if job.owner)
        return claimed


class MeasuredBatches(Batches):
    """The ledger of batches, which counts the parts that are committed."""

    def __init__(self, redis: Redis, settings: Settings, counters: BatchCounters) -> None:
        super().__init__(redis, settings)
        self._counters = counters

    @override
    def begin(self, part: ClaimedPart) -> BegunPart | None:
        begun = super().begin(part)
        if begun:
            self._counters.begin_part(begun.owner)
        return begun

    @override
    def finish(self, part: ClaimedPart, done: DonePart) -> bool:
        ended = super().finish(part, done)
        if ended:
            self._counters.count_part(part.batch, done)
        return ended


class MeasuredModel:
    """A model that notes its calls, and what it scored: files at once, jobs once they are committed."""

    def __init__(self, model: Model, counters: BatchCounters) -> None:
        self._model = model
        self._counters = counters
        self.version, self.card = model.version, model.card

    def score(
        self, matrix: NDArray[np.float32], *, explain: bool = False, pause: Pause | None = None
    ) -> list[ScoreRow]:
        """Return the model's scores; the time of pauses is not measured."""
        paused_s = 0.0

        def timed() -> None:
            nonlocal paused_s
            begun_s = time.perf_counter()
            if pause:
                pause()
            paused_s += time.perf_counter() - begun_s

        begun_s = time.perf_counter()
        scores = self._model.score(matrix, explain=explain, pause=timed)
        self._counters.note_call(len(matrix), time.perf_counter() - begun_s - paused_s)
        self._counters.hold(matrix)
        return scores

    def predict(self, matrix: NDArray[np.float32]) -> Predictions:
        """Return the model's predictions."""
        begun_s = time.perf_counter()
        predictions = self._model.predict(matrix)
        self._counters.note_call(len(matrix), time.perf_counter() - begun_s)
        self._counters.count_predictions(self.version, matrix, predictions)
        return predictions


def join_metrics(folder: Path | None) -> WorkerMetrics | None:
    """Return the metrics of this process, which are summed with those of its worker; None if it is not measured."""
    return WorkerMetrics(CollectorRegistry()) if folder and join_service(folder) else None
