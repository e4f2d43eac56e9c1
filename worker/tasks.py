"""Builds a worker: the Celery application, and the tasks that score the jobs or the part of a message."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown

from core.connect import open_redis
from core.ledger.redis.batches import Batches
from core.ledger.redis.histograms import Histograms
from core.ledger.redis.ledger import RedisLedger
from core.process import freeze_garbage_collector
from core.schema.reference import Refusal
from core.settings import Settings
from core.storage.store import Store
from core.transport.message import Message
from core.transport.queue import SCORE, SCORE_PARTS, make_celery, make_send, make_send_parts
from monitoring.vital import VitalThreads
from worker.bulk.scoring import score_parts
from worker.interactive.counters import BatchCounters
from worker.interactive.drift import DriftAccumulator
from worker.interactive.scoring import score_message
from worker.metrics import MeasuredBatches, MeasuredLedger, MeasuredModel, Model, join_metrics
from worker.stop import end_if_dead
from worker.tracing import start_work_tracing

COMMIT_RETRIES = 15  # scores are committed if Redis is back within about three seconds; after that, they are made again


def make_worker(
    settings: Settings,
    current: Callable[[], Model],
    folder: Path | None = None,
    refused: Callable[[], Refusal | None] = lambda: None,
) -> Celery:
    """Return the application of a worker that scores each batch with the model that `current` returns before it.

    Its processes share their metrics in `folder`, if given. `refused` returns which newer bundle is refused, if any.
    """
    app = make_celery(settings)
    app.conf.worker_consumer = "worker.checked_queue:PromptConsumer"
    vital = VitalThreads()
    drift_counts = cache(partial(make_drift_accumulator, settings, vital))  # of one process, so not before the fork
    counters = cache(partial(make_counters, folder, drift_counts))
    tracer = cache(partial(start_work_tracing, settings))
    ledger, files = cache(partial(make_ledger, settings, counters)), cache(partial(make_files, settings, counters))

    def model() -> Model:
        end_if_dead(vital)
        found, counts, refusal = current(), counters(), refused()
        drift_counts().serve(found.card, refusal)
        if counts:
            counts.note_refusal(refusal)
        return MeasuredModel(found, counts) if counts else found

    @worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def warm_up(**_: object) -> None:
        # After the fork, since the model's threads would not survive one, and before the first job has to wait.
        model()
        tracer()
        freeze_garbage_collector()

    worker_process_shutdown.connect(lambda **_: drift_counts().send_counts(), weak=False)  # its last counts

    @app.task(name=SCORE, shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def score(sent_ms: int, ids: list[str]) -> list[str]:
        # The result is not stored, but Flower shows it: most of these jobs are named by no message.
        return score_message(ledger(), model, Message(sent_ms, ids), make_send(app), tracer().trace_jobs)

    @app.task(name=SCORE_PARTS, shared=False, time_limit=settings.part_limit_s)  # type: ignore[untyped-decorator]
    def score_file(sent_ms: int, ids: list[str]) -> None:
        predictor = model()
        score_parts(
            *files(), predictor, Message(sent_ms, ids), make_send_parts(app), settings.lease_s, tracer().trace_part
        )

    return app


def make_drift_accumulator(settings: Settings, vital: VitalThreads) -> DriftAccumulator:
    """Return the drift accumulator of this process. It has a thread, so call this only after the fork."""
    # Without retries: a count that is sent twice is worse than one lost.
    return DriftAccumulator(Histograms(open_redis(settings, retries=0)), vital)


def make_counters(folder: Path | None, drift_counts: Callable[[], DriftAccumulator]) -> BatchCounters | None:
    """Return the counters of this process, which are summed with those of its worker; None if nothing is measured."""
    metrics = join_metrics(folder)
    return BatchCounters(metrics, drift_counts()) if metrics else None


def make_ledger(settings: Settings, counters: Callable[[], BatchCounters | None]) -> RedisLedger:
    """Return the ledger of this process."""
    redis, counts = open_redis(settings, retries=COMMIT_RETRIES), counters()
    return MeasuredLedger(redis, settings, counts) if counts else RedisLedger(redis, settings)


def make_files(settings: Settings, counters: Callable[[], BatchCounters | None]) -> tuple[Batches, Store]:
    """Return the ledger of batches, and the store, of this process; the store's threads would not survive a fork."""
    redis, counts = open_redis(settings, retries=COMMIT_RETRIES), counters()
    batches = MeasuredBatches(redis, settings, counts) if counts else Batches(redis, settings)
    return batches, Store.open(settings)
