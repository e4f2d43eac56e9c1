"""The metrics of a scoring process: noted at once, and counted for many batches together within about a second.

Counting for each batch would cost a twentieth of the time that scoring takes. A process that is killed loses what it
has noted and not counted yet; one that is stopped counts it first.
"""

import logging
import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from core.ids import is_probe_job, ms_of_id
from core.ledger.batch import DonePart
from core.ledger.protocol import Outcome
from core.ledger.redis.histograms import EVERYONE
from core.schema.reference import Refusal
from core.schema.score import SETS, ScoreRow
from models.scorer import Predictions
from monitoring.instrument import WorkerMetrics
from worker.interactive.drift import ROWS_AT_ONCE, DriftAccumulator

log = logging.getLogger(__name__)

SET_NAMES = tuple({1: " ".join(labels), 2: "both", 0: "neither"}[len(labels)] for labels in SETS)
"""The value of a metric's label for each of `SETS`."""

Committed = tuple[float, Sequence[Outcome], list[NDArray[np.float32]], Mapping[str, str]]
"""When outcomes were committed, in ms since 1970; the outcomes; the scored records in their order; owners by job id."""


class BatchCounters:
    """Counts calls of the model and committed outcomes, in the thread of a `DriftAccumulator`, which counts records."""

    def __init__(self, metrics: WorkerMetrics, drift_counts: DriftAccumulator) -> None:
        self._metrics = metrics
        self._drift_counts = drift_counts
        self._held: list[NDArray[np.float32]] = []
        self._calls: deque[tuple[int, float]] = deque()
        self._committed: deque[Committed] = deque()
        self._rows = 0
        self._part_owner = EVERYONE
        self._refusal: Refusal | None = None
        self._lock = Lock()
        drift_counts.call_before_counting(self.count)

    def note_call(self, rows: int, seconds: float) -> None:
        """Note a call of the model."""
        self._calls.append((rows, seconds))

    def hold(self, matrix: NDArray[np.float32]) -> None:
        """Hold the matrix of scored records until their scores are committed."""
        self._held.append(matrix)
        self._rows += len(matrix)

    def release(self, rows: int) -> list[NDArray[np.float32]]:
        """Remove the last held matrices, which have `rows` rows in all, and return them in their order.

        Matrices that were held earlier belong to a large batch, during which small ones are scored.
        """
        first = len(self._held)
        while rows > 0:
            first -= 1
            rows -= len(self._held[first])
        released, self._held = self._held[first:], self._held[:first]
        return released

    def note_committed(
        self, outcomes: Sequence[Outcome], matrices: list[NDArray[np.float32]], owners: Mapping[str, str]
    ) -> None:
        """Note outcomes that were just committed, the matrices of their scored records in order, and owners by job."""
        self._committed.append((time.time_ns() / 1e6, outcomes, matrices, owners))
        if self._rows >= ROWS_AT_ONCE:
            self.count()
        self._drift_counts.wake()

    def count_part(self, batch: str, done: DonePart) -> None:
        """Count the rows of a part of a file that was just committed."""
        self._metrics.queue_to_commit.observe_all([wait_s(batch, time.time_ns() / 1e6)])
        self._metrics.scored_rows.inc(done.scored)
        self._metrics.rejected_rows.inc(done.rejected)

    def begin_part(self, owner: str) -> None:
        """Note the owner of the part that is scored from now on."""
        self._part_owner = owner

    def count_predictions(self, version: str, matrix: NDArray[np.float32], predictions: Predictions) -> None:
        """Count the predictions for the (n, d) matrix, which are n records of a part."""
        risk = self._metrics.risk.labels(version)
        counts = np.bincount(np.searchsorted(risk.bounds, predictions.risk))
        risk.add(
            ((place, count) for place, count in enumerate(counts.tolist()) if count), float(predictions.risk.sum())
        )
        kinds = np.bincount(predictions.kind, minlength=len(predictions.kinds)).tolist()
        for (_, ruled_out, _), count in zip(predictions.kinds, kinds, strict=True):
            self._count_sets(version, {ruled_out: count})
        self._drift_counts.note([matrix], predictions.risk, [(self._part_owner, len(matrix))])

    def note_refusal(self, refusal: Refusal | None) -> None:
        """Set the metric of a refused bundle: 1 if this process refuses one, else 0."""
        if refusal is not self._refusal:
            self._refusal = refusal
            self._metrics.refused_bundle.set(refusal is not None)

    def count(self) -> None:
        """Count all that was noted."""
        try:
            self._count()
        except Exception as error:  # no score may fail because of counting; the text could hold a patient's values
            log.error("some of what was scored is not counted: %s", type(error).__name__)

    def _count(self) -> None:
        with self._lock:
            calls = [self._calls.popleft() for _ in range(len(self._calls))]
            committed = [self._committed.popleft() for _ in range(len(self._committed))]
            self._rows = 0
            if calls:
                self._metrics.batch_rows.observe_all([rows for rows, _ in calls])
                self._metrics.scoring_seconds.observe_all([seconds for _, seconds in calls])
            if committed:
                self._count_committed(committed)

    def _count_committed(self, committed: list[Committed]) -> None:
        outcomes = [(at_ms, outcome) for at_ms, outcomes, _, _ in committed for outcome in outcomes]
        ours = [(at_ms, outcome) for at_ms, outcome in outcomes if not is_probe_job(outcome.id)]
        self._metrics.queue_to_commit.observe_all([wait_s(outcome.id, at_ms) for at_ms, outcome in ours])
        self._metrics.failed_jobs.inc(sum(outcome.error is not None for _, outcome in ours))
        scores: defaultdict[str, list[ScoreRow]] = defaultdict(list)
        for _, outcome in ours:
            scores[outcome.model_version] += outcome.scores or ()
        self._metrics.scored_rows.inc(sum(map(len, scores.values())))
        for version, rows in scores.items():
            if rows:
                self._metrics.risk.labels(version).observe_all([row[0] for row in rows])
                self._count_sets(version, Counter(row[2] for row in rows))
        risks = np.array([row[0] for _, outcome in outcomes for row in outcome.scores or ()])
        matrices = [matrix for _, _, held, _ in committed for matrix in held]
        if matrices:
            owned = [
                (find_owner(each, owners), len(each.scores or ())) for _, made, _, owners in committed for each in made
            ]
            self._drift_counts.note(matrices, risks, owned)

    def _count_sets(self, version: str, counts: Mapping[int, int]) -> None:
        for place, count in counts.items():
            self._metrics.conformal_sets.labels(version, SET_NAMES[place]).inc(count)


def wait_s(id: str, until_ms: float) -> float:
    """Return the seconds from when an id was made until `until_ms`; 0 if the clock of its gateway is ahead."""
    return max(0.0, (until_ms - ms_of_id(id)) / 1000)


def find_owner(outcome: Outcome, owners: Mapping[str, str]) -> str | None:
    """Return the owner of an outcome's records; None for a probe job."""
    return None if is_probe_job(outcome.id) else owners.get(outcome.id, EVERYONE)
