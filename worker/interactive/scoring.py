"""Scores the jobs of one message: claim, make a matrix, predict, commit."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import LedgerUnavailable, ScorelineError, ScoringFailed, UnservedModel
from core.ledger.job import JobError
from core.ledger.protocol import Claimed, Ledger, Outcome, Pause
from core.schema.patient import Row
from core.schema.score import ScoreRow
from core.transport.message import JOBS_IN_MESSAGE, RECORDS_IN_MESSAGE, SMALL_RECORDS, Message
from core.transport.queue import Send, notify
from models.features import to_matrix
from monitoring.log import about

log = logging.getLogger(__name__)

GO_ON_FOR_S = 0.3
"""How long one message keeps a worker. Longer would delay redeliveries, which need a message of their own; shorter
would waste time: the next task takes some 20 ms to begin."""

ROWS_AT_ONCE = 2_048  # rows of a matrix that are made between two pauses: some 1 ms
LISTEN_FOR_S = 0.05  # a client that submits one job after another sends the next within that


class Classifier(Protocol):
    """Scores records into rows, one per record, as `models.scorer.Scorer` does."""

    @property
    def version(self) -> str:
        """The model version that every score names."""

    def score(
        self, matrix: NDArray[np.float32], *, explain: bool = False, pause: Pause | None = None
    ) -> list[ScoreRow]:
        """Return a score for each of the (n, d) float32 matrix's n rows, in their order, explained if `explain`.

        `pause` is called now and then amid many rows, so that other work need not wait for all of them.
        """


TraceJobs = Callable[[Sequence[Claimed]], AbstractContextManager[None]]
"""Returns a context that traces a batch of jobs from its claim to its commit."""


def untraced(_: Sequence[Claimed]) -> AbstractContextManager[None]:
    """Return a context that traces nothing."""
    return nullcontext()


def score_message(
    ledger: Ledger, current: Callable[[], Classifier], message: Message, send: Send, trace_jobs: TraceJobs = untraced
) -> list[str]:
    """Score the job that the message names, or else waiting jobs; then all that come; return the ids of those jobs.

    A message is a notification: claiming more from the ledger costs far less than consuming the next message through
    Celery. So this claims and long polls until no job comes, or `GO_ON_FOR_S` has passed; then it sends a message, so
    that a worker goes on. Each batch is scored by what `current` returns before it; if that raises, nothing was claimed
    and no job is harmed. During a large batch, waiting small jobs are scored when they are next. Raises
    LedgerUnavailable; then the leases run out and the reaper sends the jobs again.
    """
    scored, enough_s, long_poll, classifier = list[str](), time.monotonic() + GO_ON_FOR_S, True, current()
    while jobs := ledger.claim(message, long_poll=long_poll):
        if is_full(jobs) and ledger.wants_message():
            notify(send, [Message(message.sent_ms, [])])
        with trace_jobs(jobs):
            score_claimed(ledger, classifier, jobs, partial(score_small, ledger, classifier, trace_jobs, scored))
        scored += [job.id for job in jobs]
        message = Message(message.sent_ms, [])
        if jobs[0].redelivered:  # other redeliveries may be in the queue, each in a message of its own
            break
        if time.monotonic() > enough_s:
            notify(send, [message])
            break
        long_poll, classifier = is_full(jobs) or ledger.listen(LISTEN_FOR_S), current()
    return scored


def score_claimed(ledger: Ledger, classifier: Classifier, jobs: Sequence[Claimed], pause: Pause) -> None:
    """Score jobs that were claimed together, and commit them: small ones first, so that they wait for no large one."""
    small, large = ([job for job in jobs if (len(job.rows) <= SMALL_RECORDS) is wanted] for wanted in (True, False))
    if small:
        ledger.finish(score_jobs(classifier, small))
    if small and large:
        pause()
    if large:
        ledger.finish(score_jobs(classifier, large, pause), pause)


def score_small(ledger: Ledger, classifier: Classifier, trace_jobs: TraceJobs, scored: list[str]) -> None:
    """Claim and score the small jobs that are next, and add their ids to `scored`.

    A worker calls this during a large job. An unavailable ledger is logged, and does not harm the large job.
    """
    try:
        jobs = ledger.claim_small(SMALL_RECORDS)
        if jobs:
            with trace_jobs(jobs):
                ledger.finish(score_jobs(classifier, jobs))
            scored += [job.id for job in jobs]
    except LedgerUnavailable:
        log.warning("the ledger is away amid a large job: small ones wait for another worker")


def is_full(jobs: Sequence[Claimed]) -> bool:
    """Whether the claim was so large that more jobs are likely to wait."""
    return len(jobs) >= JOBS_IN_MESSAGE or 2 * sum(len(job.rows) for job in jobs) >= RECORDS_IN_MESSAGE


def score_jobs(classifier: Classifier, jobs: Sequence[Claimed], pause: Pause | None = None) -> list[Outcome]:
    """Return an outcome for each job: first plain jobs, then explained ones, then those that ask for another version.

    A job that asks for a version other than the classifier's fails, and is not scored.
    """
    served = [job for job in jobs if job.model_version in ("", classifier.version)]
    plain, explained = ([job for job in served if job.explain is asked] for asked in (False, True))
    scored = score_batch(classifier, plain, pause) + score_batch(classifier, explained, pause)
    if len(served) == len(jobs):
        return scored
    error = refuse_version(classifier.version)
    return scored + [Outcome(job.id, error=error) for job in jobs if job.model_version not in ("", classifier.version)]


def refuse_version(served: str) -> JobError:
    """Return the error of a job, or of a batch, that asks for a version other than the one that is served."""
    reason = f"The version that `model_version` asks for is not served: it is {served} that is. Ask for that, or none."
    return JobError(code=UnservedModel.code, message=reason)


def score_batch(classifier: Classifier, jobs: Sequence[Claimed], pause: Pause | None = None) -> list[Outcome]:
    """Return an outcome for each job, in their order; either all of them or none have `explain`.

    A batch that fails is halved until the job that causes it fails alone.
    """
    if not jobs:
        return []
    rows = list(chain.from_iterable(job.rows for job in jobs))
    try:
        scores = iter(classifier.score(matrix_of(rows, pause), explain=jobs[0].explain, pause=pause))
    except Exception as error:  # a model may fail in any way, and no job may fail because of another
        if len(jobs) > 1:
            half = len(jobs) // 2
            return score_batch(classifier, jobs[:half], pause) + score_batch(classifier, jobs[half:], pause)
        # The error's text is left out: it could hold a patient's values.
        log_fields = about(job_id=jobs[0].id, trace=jobs[0].trace)
        log.error("job %s failed: the model raised %s", jobs[0].id, type(error).__name__, extra=log_fields)
        return [Outcome(jobs[0].id, error=explain_failure(error, "this job", "its id"))]
    return [
        Outcome(job.id, scores=[next(scores) for _ in job.rows], model_version=classifier.version, awaited=job.awaited)
        for job in jobs
    ]


def matrix_of(rows: Sequence[Row], pause: Pause | None) -> NDArray[np.float32]:
    """Return the matrix of the rows; of many, `ROWS_AT_ONCE` are converted at a time, with a pause in between."""
    parts = list[NDArray[np.float32]]()
    for start in range(0, len(rows), ROWS_AT_ONCE):
        if start and pause:
            pause()
        parts.append(to_matrix(rows[start : start + ROWS_AT_ONCE]))
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def explain_failure(error: Exception, what: str, where: str) -> JobError:
    """Return the error for `what` the model failed to score; `where` is what identifies it in the log.

    Only the text of our own errors is repeated: that of others could hold a patient's values.
    """
    if isinstance(error, ScorelineError):
        return JobError(code=error.code, message=str(error))
    reason = f"The model could not score {what} ({type(error).__name__}); the service's log has {where}."
    return JobError(code=ScoringFailed.code, message=reason)
