"""Runs a worker, a webhook worker or the reaper, or handles dead letters: `python -m worker --help`."""

import logging
import os
import signal
import sys
import time
from functools import partial
from threading import Event

from celery import Celery
from celery.signals import worker_process_init
from celery.utils.nodenames import host_format
from redis import Redis

from core.connect import check_redis, open_redis
from core.errors import LedgerUnavailable, ScorelineError
from core.ledger.continuity import Continuity, Mirror
from core.ledger.redis.access.audit import Audit
from core.ledger.redis.batches import Batches
from core.ledger.redis.callbacks import RedisCallbacks
from core.ledger.redis.checkpoint import adopt_format
from core.ledger.redis.keys import BATCHES, JOBS
from core.ledger.redis.ledger import RedisLedger
from core.process import keep_private
from core.settings import Settings
from core.storage.store import Store
from core.transport.queue import (
    BULK,
    CALLBACKS,
    INTERACTIVE,
    make_celery,
    make_notify,
    make_send,
    make_send_parts,
    notify_callbacks,
)
from monitoring.exposition import SharedMetrics, make_registry, serve_metrics, take_folder
from monitoring.instrument import QueueMetrics, ReaperMetrics, WebhookMetrics
from monitoring.log import format_fatal_error, start_log
from monitoring.vital import VitalThreads
from worker import dead_letters
from worker.arguments import parse
from worker.checked_queue import count_refused
from worker.log import keep_log
from worker.model_note import note_model_changes
from worker.reaper.append_only_file import AppendOnlyFile, note_free_memory
from worker.reaper.probe_job import ProbeJob
from worker.reaper.redelivery import Step, count_resent, do_once_a_minute, reap_once, reap_until
from worker.reaper.store_cleanup import clear_until
from worker.stop import bound_stop, end_if_dead

log = logging.getLogger("worker")

LESS_URGENT = 10  # nice(2); with more, a part could outlive its lease while other processes keep the CPU busy


def wait_for_redis(redis: Redis, settings: Settings) -> None:
    """Return once Redis answers and is fit. Raises UnfitRedis, and NewerLedger."""
    logged = False
    while True:
        try:
            check_redis(redis)
            return adopt_format(redis)
        except LedgerUnavailable:
            if not logged:
                log.warning("Redis cannot be reached yet; waiting for it")
            logged = True
            time.sleep(settings.sweep_every_s)


def run_worker(settings: Settings, queue: str, name: str) -> int:
    """Run a Celery worker until SIGTERM; then finish the current batch, leave the rest to others, and return 0.

    A worker of files has a lower CPU priority than one of jobs. Raises BrokenBundle before any message is consumed.
    """
    from models.released import Released  # loads numpy and onnxruntime, which no other command here needs
    from worker.tasks import make_worker

    released, processes, port = Released(settings.bundle), settings.worker_processes, settings.worker_metrics_port
    if queue == BULK:
        processes, port = settings.bulk_processes, settings.bulk_metrics_port
    folder = take_folder(settings.var, name) if settings.metrics else None
    if folder:
        count_refused(queue, QueueMetrics(registry := make_registry(SharedMetrics(folder))))
        serve_metrics(registry, settings.metrics_host, port)
    app = make_worker(settings, note_model_changes(released.scorer, settings), folder, released.refusal)
    if queue == BULK:
        worker_process_init.connect(yield_processor, weak=False)  # once it has loaded its model
    return run_celery_worker(app, name, queue, "prefork", processes)


def yield_processor(**_: object) -> None:
    """Lower this process's priority: if the CPU is busy, another process gets nine times as much of it."""
    os.nice(LESS_URGENT)


def deliver_callbacks(settings: Settings, name: str) -> int:
    """Run a Celery worker that delivers callbacks until SIGTERM; then finish those it has claimed, and return 0.

    It shares no process with workers that score, so a slow receiver delays no score. Raises OperatorError.
    """
    from worker.webhooks.worker import MESSAGES_AT_ONCE, add_webhook_task, make_webhook_worker

    registry = make_registry()
    webhooks = make_webhook_worker(settings, WebhookMetrics(registry))
    if settings.metrics:
        count_refused(CALLBACKS, QueueMetrics(registry))
        serve_metrics(registry, settings.metrics_host, settings.notify_metrics_port)
    app = make_celery(settings)
    add_webhook_task(app, lambda: webhooks)
    return run_celery_worker(app, name, CALLBACKS, "threads", MESSAGES_AT_ONCE)


def run_celery_worker(app: Celery, name: str, queue: str, pool: str, concurrency: int) -> int:
    """Run a Celery worker of one queue until SIGTERM, and end soon after it; return 0."""
    bound_stop()
    keep_log()
    # Celery's own command line would load Flower and a shell first, which takes a third of a worker's start time.
    app.Worker(
        hostname=host_format(f"{name}@{name}.%h"),  # celery-exporter identifies a worker by what follows the @
        pool=pool,
        concurrency=concurrency,
        queues=[queue],
        quiet=True,
        without_gossip=True,
        without_mingle=True,
    ).start()
    return 0


def run_reaper(redis: Redis, settings: Settings) -> int:
    """Run the reaper until SIGTERM or Ctrl-C; return 0."""
    stop, vital = Event(), VitalThreads()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    app, ledger, batches = make_celery(settings), RedisLedger(redis, settings), Batches(redis, settings)
    send, send_callbacks, registry = make_send(app), make_notify(app), make_registry()
    metrics, file = ReaperMetrics(registry), AppendOnlyFile(redis, settings)
    steps: list[Step] = [
        count_resent(partial(reap_once, ledger, send), metrics.resent.labels(INTERACTIVE)),
        count_resent(partial(reap_once, batches, make_send_parts(app)), metrics.resent.labels(BULK)),
        *(
            partial(notify_callbacks, RedisCallbacks(redis, settings, keys=keys), send_callbacks)
            for keys in (JOBS, BATCHES)
        ),
        ProbeJob(ledger, send, settings).run_once,
        do_once_a_minute(ledger.trim),
        do_once_a_minute(batches.trim),
        do_once_a_minute(partial(Audit(redis).trim, settings.audit_ttl)),
        partial(note_free_memory, redis, settings),
        file.rewrite_when_due,
        do_once_a_minute(file.check),
        metrics.note_round,
        partial(end_if_dead, vital),
    ]
    serve_metrics(registry, settings.metrics_host, settings.sweep_metrics_port if settings.metrics else 0)
    # In threads of their own: a store that does not answer delays no job.
    store = Store.open(settings)
    continuity = Continuity(redis, settings, Mirror(store), keeps=True)
    continuity.start(stop)
    vital.start("clearing", partial(clear_until, stop, continuity, batches, store, settings))
    reap_until(stop, steps, settings.sweep_every_s)
    return 0


def main() -> int:
    """Run the requested command; return the exit code."""
    options = parse(sys.argv[1:])
    keep_private()
    settings = Settings.read()
    start_log(settings.log_format)
    redis = open_redis(settings)
    wait_for_redis(redis, settings)
    ledger = RedisLedger(redis, settings)
    if options.command in ("run", "notify"):  # without the store, whose threads would not survive the pool's forks
        Continuity(redis, settings).start(Event())
    if options.command == "run":
        return run_worker(settings, options.queue, options.name or options.queue)
    if options.command == "notify":
        return deliver_callbacks(settings, options.name)
    if options.command == "sweep":
        return run_reaper(redis, settings)
    if options.action == "list":
        return dead_letters.list_jobs(ledger)
    if options.action == "drop":
        return dead_letters.drop(ledger, options.ids)
    return dead_letters.replay(ledger, make_send(make_celery(settings)), options.ids)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ScorelineError as error:
        sys.exit(format_fatal_error(error))
