"""The webhook worker: delivers due callbacks, and sets when failed ones are due again."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from functools import cache

import httpcore2
from celery import Celery

from core.address import Resolver
from core.connect import open_redis
from core.errors import LedgerUnavailable, OperatorError
from core.ledger.callback import CALLBACKS_AT_ONCE, Callback, Callbacks, host_of, secrets_of
from core.ledger.redis.callbacks import RedisCallbacks
from core.ledger.redis.keys import BATCHES, JOBS
from core.settings import Settings
from core.transport.queue import NOTIFY
from monitoring.instrument import WebhookMetrics
from monitoring.log import about
from monitoring.tracing import start_tracing
from monitoring.vital import VitalThreads
from worker.stop import end_if_dead
from worker.tracing import traced
from worker.webhooks.sender import Deliver, WebhookResponse, WebhookSender

log = logging.getLogger(__name__)

MESSAGES_AT_ONCE = 32  # more than the reaper sends for a trickle of callbacks that all hang for `callback_timeout_s`
ATTEMPTS = 10  # as in the schedule of Standard Webhooks 1.0.0, "Deliverability and reliability"
LONGEST_WAIT_S = 86_400  # as there
GROWTH = 4  # ten attempts from 5 s on span the days that are recommended there
SETTLE_RETRIES = 15  # a delivery is recorded if Redis is back within about three seconds; else it is made again


class WebhookWorker:
    """Delivers the callbacks of one process, whose threads share one event loop, and so one TLS context."""

    def __init__(self, sources: Sequence[Callbacks], deliver: Deliver, retry_s: float, metrics: WebhookMetrics) -> None:
        self._metrics = metrics
        self._sources = sources
        self._deliver = deliver
        self._retry_s = retry_s
        self._loop = asyncio.new_event_loop()
        self._vital = VitalThreads()
        self._vital.start("deliveries", self._loop.run_forever)

    def notify(self) -> None:
        """Claim due callbacks, deliver them all at once, and record each result as soon as it is known.

        Raises LedgerUnavailable; what was claimed is due again when its lease ends.
        """
        end_if_dead(self._vital)
        claimed = [(source, callback) for source in self._sources for callback in source.claim()]
        asyncio.run_coroutine_threadsafe(self._notify_all(claimed), self._loop).result()

    async def _notify_all(self, claimed: list[tuple[Callbacks, Callback]]) -> None:
        await asyncio.gather(*(self._notify(source, callback) for source, callback in claimed))

    async def _notify(self, source: Callbacks, callback: Callback) -> None:
        answer = await self._deliver(callback)
        self._metrics.attempts.labels("delivered" if answer.delivered else "failed").inc()
        try:
            next_step = await asyncio.to_thread(self._settle, source, callback, answer)
        except LedgerUnavailable:
            next_step = "the ledger is away, so it may be delivered again"
        what = answer.fault or f"answered {answer.status}"
        place = f"callback of {callback.kind} {callback.id} to {host_of(callback.url)}, attempt {callback.attempt}"
        level, ids = logging.INFO if answer.delivered else logging.WARNING, {f"{callback.kind}_id": callback.id}
        log.log(level, "%s: %s; %s", place, what, next_step, extra=about(**ids, trace=callback.trace))

    def _settle(self, source: Callbacks, callback: Callback, answer: WebhookResponse) -> str:
        """Put the callback off, or forget it, by the result of its attempt; return in words what was done."""
        if not answer.delivered and not answer.unwanted and callback.attempt < ATTEMPTS:
            wait_s = wait_after(callback.attempt, self._retry_s, answer.retry_after_s)
            if source.put_off(callback.id, wait_s):
                return f"tried again in {wait_s:.0f} s"
        source.forget(callback.id)
        return "delivered" if answer.delivered else "not tried again"


def wait_after(attempt: int, first_s: float, asked_s: float = 0) -> float:
    """Return the seconds to wait after that many attempts, give or take a fifth, so that retries do not coincide.

    It is at least what a receiver asks for, up to `LONGEST_WAIT_S`.
    """
    wait_s = min(first_s * float(GROWTH) ** (attempt - 1), LONGEST_WAIT_S)
    return max(wait_s * random.uniform(0.8, 1.2), min(asked_s, LONGEST_WAIT_S))  # noqa: S311 - no secret


def add_webhook_task(app: Celery, make: Callable[[], WebhookWorker]) -> None:
    """Add the task that delivers callbacks to an application; `make` is called when it first runs."""
    app.conf.worker_consumer = "worker.checked_queue:PromptConsumer"
    webhooks = cache(make)

    @app.task(name=NOTIFY, shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def notify() -> None:
        webhooks().notify()


def make_webhook_worker(settings: Settings, metrics: WebhookMetrics) -> WebhookWorker:
    """Return the webhook worker of a process. Raises OperatorError if there is no secret to sign with."""
    if settings.callback_secret is None:
        raise OperatorError("there is no secret to sign callbacks with: set SCORELINE_CALLBACK_SECRET.")
    resolver = Resolver(private=settings.callback_private, threads=MESSAGES_AT_ONCE * CALLBACKS_AT_ONCE)
    tls = httpcore2.default_ssl_context()
    sender = WebhookSender(secrets_of(settings.callback_secret), resolver, tls, settings.callback_timeout_s)
    redis = open_redis(settings, retries=SETTLE_RETRIES)
    sources = [RedisCallbacks(redis, settings, keys=keys) for keys in (JOBS, BATCHES)]
    deliver = traced(sender.deliver) if start_tracing("scoreline-notifier") else sender.deliver
    return WebhookWorker(sources, deliver, settings.callback_retry_s, metrics)
