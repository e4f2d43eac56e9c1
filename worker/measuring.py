"""Measures a worker from outside: what it asks of the model, and what it commits to the ledger."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from redis import Redis
from typing_extensions import override

from contract.batch import DonePart
from contract.ledger.batch_record import ClaimedPart
from contract.ledger.batches import Batches
from contract.ledger.protocol import Outcome
from contract.ledger.record import is_canary, ms_of_id
from contract.ledger.redis_ledger import RedisLedger
from contract.score import SETS, ScoreRow
from contract.settings import Settings
from models.card import Card
from models.verdicts import Verdicts
from monitoring.instrument import WorkerMetrics
from monitoring.sharing import join
from worker.bulk.part import Judge
from worker.drift import Tally
from worker.scoring import Classifier

log = logging.getLogger(__name__)


SET_NAMES = tuple({1: " ".join(labels), 2: "both", 0: "neither"}[len(labels)] for labels in SETS)
"""What each of `SETS` is called in a label."""


class Model(Classifier, Judge, Protocol):
    """What scores the patients of jobs and those of files: `models.scorer.Scorer`."""

    @property
    def card(self) -> Card:
        """The card of the model."""


class MeasuredLedger(RedisLedger):
    """The ledger of jobs, which measures what is committed, and counts whose scores it is."""

    def __init__(self, redis: Redis, settings: Settings, metrics: WorkerMetrics, tally: Tally) -> None:
        super().__init__(redis, settings)
        self._metrics = metrics
        self._tally = tally

    @override
    def finish(self, outcomes: Sequence[Outcome]) -> int:
        matrices = self._tally.release()  # of these outcomes, in their order, but for those that failed
        ended = super().finish(outcomes)
        metrics, ours = self._metrics, [outcome for outcome in outcomes if not is_canary(outcome.id)]
        if not ours:
            return ended
        metrics.queue_to_commit.observe_all(waits_s(outcome.id for outcome in ours))
        metrics.failed_jobs.inc(sum(outcome.error is not None for outcome in ours))
        scores = [score for outcome in ours for score in outcome.scores or ()]
        metrics.scored_rows.inc(len(scores))
        if scores:  # all of one model: it is asked for anew for each message only
            version = next(outcome.model_version for outcome in ours if outcome.scores)
            risks = [score[0] for score in scores]
            metrics.risk.labels(version).observe_all(risks)
            count_sets(metrics, version, Counter(score[2] for score in scores))
            self._tally.note(matrices, np.array(risks), whose(outcomes))
        return ended


class MeasuredBatches(Batches):
    """The ledger of batches, which measures the parts that are committed."""

    def __init__(self, redis: Redis, settings: Settings, metrics: WorkerMetrics) -> None:
        super().__init__(redis, settings)
        self._metrics = metrics

    @override
    def finish(self, part: ClaimedPart, done: DonePart) -> bool:
        ended = super().finish(part, done)
        if ended:
            self._metrics.queue_to_commit.observe_all(waits_s([part.batch]))
            self._metrics.scored_rows.inc(done.scored)
            self._metrics.rejected_rows.inc(done.rejected)
        return ended


class MeasuredModel:
    """A model that is timed; the patients of files are counted here, as those of jobs are when they are committed."""

    def __init__(self, model: Model, metrics: WorkerMetrics, tally: Tally) -> None:
        self._model = model
        self._metrics = metrics
        self._tally = tally
        self.version, self.card = model.version, model.card

    def score(self, matrix: NDArray[np.float32], *, explain: bool = False) -> list[ScoreRow]:
        """Return the scores that the model gives."""
        begun_s = time.perf_counter()
        scores = self._model.score(matrix, explain=explain)
        self._note(len(matrix), time.perf_counter() - begun_s)
        self._tally.hold(matrix)
        return scores

    def judge(self, matrix: NDArray[np.float32]) -> Verdicts:
        """Return the verdicts that the model gives."""
        begun_s = time.perf_counter()
        verdicts = self._model.judge(matrix)
        self._note(len(matrix), time.perf_counter() - begun_s)
        count_risks(self._metrics, self.version, verdicts.risk)
        kinds = np.bincount(verdicts.kind, minlength=len(verdicts.kinds)).tolist()
        for (_, ruled_out, _), count in zip(verdicts.kinds, kinds, strict=True):
            count_sets(self._metrics, self.version, {ruled_out: count})
        self._tally.note([matrix], verdicts.risk)
        return verdicts

    def _note(self, rows: int, seconds: float) -> None:
        self._metrics.batch_rows.observe(rows)
        self._metrics.scoring_seconds.observe(seconds)


def waits_s(ids: Iterable[str]) -> list[float]:
    """Return the seconds since each id was made, which a gateway whose clock is ahead makes none, and never fewer."""
    now_ms = time.time_ns() / 1e6
    return [max(0.0, (now_ms - ms_of_id(id)) / 1000) for id in ids]


def whose(outcomes: Sequence[Outcome]) -> NDArray[np.bool_] | None:
    """Return of each patient who was scored, (n,), whether they are a user's and no canary; None if all are."""
    ours = [not is_canary(outcome.id) for outcome in outcomes]
    return None if all(ours) else np.repeat(ours, [len(outcome.scores or ()) for outcome in outcomes])


def count_sets(metrics: WorkerMetrics, version: str, counts: Mapping[int, int]) -> None:
    """Count conformal sets, by their places in `SETS`, of one model."""
    for place, count in counts.items():
        metrics.conformal_sets.labels(version, SET_NAMES[place]).inc(count)


def count_risks(metrics: WorkerMetrics, version: str, risks: NDArray[np.float64]) -> None:
    """Count the risks, (n,), of one model."""
    risk = metrics.risk.labels(version)
    counts = np.bincount(np.searchsorted(risk.bounds, risks))
    risk.add(((place, count) for place, count in enumerate(counts.tolist()) if count), float(risks.sum()))


def join_metrics(folder: Path | None) -> WorkerMetrics | None:
    """Return the metrics of this process, which counts with the others of its worker; None if nothing is measured.

    A disk without room is a warning: what is not seen is scored all the same.
    """
    if folder is None:
        return None
    try:
        join(folder)
    except OSError as error:
        log.warning("this process is not measured: %s cannot be used (%s)", folder, error.strerror)
        return None
    return WorkerMetrics(CollectorRegistry())
