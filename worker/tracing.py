"""Traces and logs from outside what a worker does for each request: spans if tracing is on, log lines if requested.

A batch serves many requests, each with a trace of its own, so its span is linked to their spans and is a child of none.
A part of a file, and a callback, serve one request: their spans are its children.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

from celery.signals import worker_process_shutdown

from core.ids import is_probe_job
from core.ledger.callback import Callback, host_of
from core.ledger.protocol import Claimed
from core.ledger.redis.batch_record import ClaimedPart
from core.settings import Settings
from core.trace import is_sampled
from monitoring.log import about
from monitoring.tracing import Attributes, Kind, spanned, start_tracing, stop_tracing, traceparent_here
from worker.webhooks.sender import Deliver, WebhookResponse

log = logging.getLogger(__name__)


class WorkTracer:
    """Traces each batch of jobs, and each part of a file, from its claim to its commit."""

    def __init__(self, *, traced: bool, logged: bool) -> None:
        self._traced = traced
        self._logged = logged

    def trace_jobs(self, jobs: Sequence[Claimed]) -> AbstractContextManager[None]:
        """Return a context that traces a batch; it makes a span if any of the requests is sampled."""
        return self._trace_batch(jobs) if self._traced or self._logged else nullcontext()

    @contextmanager
    def _trace_batch(self, jobs: Sequence[Claimed]) -> Iterator[None]:
        traces = [job.trace for job in jobs if job.trace and is_sampled(job.trace)] if self._traced else []
        size: Attributes = {
            "messaging.batch.message_count": len(jobs),
            "scoreline.patients": sum(len(job.rows) for job in jobs),
        }
        with spanned("score jobs", Kind.CONSUMER, size, links=traces) if traces else nullcontext():
            yield
        if self._logged:
            for job in jobs:
                if not is_probe_job(job.id):
                    log.info("job %s has ended", job.id, extra=about(job_id=job.id, trace=job.trace))

    def trace_part(self, part: ClaimedPart, trace: str | None, score: Callable[[], bool]) -> bool:
        """Call `score` for a part, in a span below its upload's `traceparent`, and return its result."""
        what: Attributes = {"scoreline.batch_id": part.batch, "scoreline.part": part.number}
        sampled = self._traced and trace and is_sampled(trace)
        with spanned("score part", Kind.CONSUMER, what, parent=trace) if sampled else nullcontext():
            ended = score()
        if ended and self._logged:
            log.info("part %s was scored", part.id, extra=about(batch_id=part.batch, part_id=part.id, trace=trace))
        return ended


def start_work_tracing(settings: Settings) -> WorkTracer:
    """Return the tracer of this process, which is one of a pool's."""
    traced = start_tracing("scoreline-worker")
    if traced:
        worker_process_shutdown.connect(lambda **_: stop_tracing(), weak=False)  # which does not run `atexit`
    return WorkTracer(traced=traced, logged=settings.log_requests)


def traced(deliver: Deliver) -> Deliver:
    """Return `deliver`, wrapped in a span for each attempt; the receiver is sent the `traceparent` of that span."""

    async def deliver_traced(callback: Callback) -> WebhookResponse:
        if not callback.trace or not is_sampled(callback.trace):
            return await deliver(callback)
        what: Attributes = {
            "http.request.method": "POST",
            "server.address": host_of(callback.url),
            "http.request.resend_count": callback.attempt - 1,
            f"scoreline.{callback.kind}_id": callback.id,
        }
        with spanned("POST", Kind.CLIENT, what, parent=callback.trace) as span:
            answer = await deliver(replace(callback, trace=traceparent_here()))
            if answer.status:
                span.set_attribute("http.response.status_code", answer.status)
            if not answer.delivered:
                span.set_attribute("error.type", str(answer.status or "undelivered"))
            return answer

    return deliver_traced
