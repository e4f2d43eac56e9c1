"""Puts a worker together: the Celery application, and the tasks that score a message."""

from collections.abc import Callable
from functools import cache
from typing import Protocol

from celery import Celery
from celery.signals import worker_process_init

from contract.connect import open_redis
from contract.ledger.batches import Batches
from contract.ledger.message import Message
from contract.ledger.redis_ledger import RedisLedger
from contract.queue import SCORE, SCORE_PARTS, make_celery, make_send
from contract.settings import Settings
from contract.store import Store
from worker.bulk.part import Judge
from worker.parts import score_parts
from worker.scoring import Classifier, score_message

COMMIT_RETRIES = 15  # what was scored is committed if Redis is back within about three seconds; then others do it anew


class Model(Classifier, Judge, Protocol):
    """What scores the patients of jobs and those of files: `models.scorer.Scorer`."""


def make_worker(settings: Settings, current: Callable[[], Model]) -> Celery:
    """Return the application of a worker that scores each message with what `current` returns before it."""
    app = make_celery(settings)
    app.conf.worker_consumer = "worker.consumer:PromptConsumer"

    @cache
    def ledger() -> RedisLedger:
        return RedisLedger(open_redis(settings, retries=COMMIT_RETRIES), settings)

    @worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def warm_up(**_: object) -> None:
        # After the fork, since the model's threads would not survive one, and before the first job has to wait.
        current()

    @app.task(name=SCORE, shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def score(sent_ms: int, ids: list[str]) -> list[str]:
        # What it returns is kept nowhere, but Flower shows it: most of these jobs no message has named.
        return score_message(ledger(), current, Message(sent_ms, ids), make_send(app))

    @cache
    def files() -> tuple[Batches, Store]:
        # After the fork as well: the store's threads would not survive one either.
        return Batches(open_redis(settings, retries=COMMIT_RETRIES), settings), Store.open(settings)

    @app.task(name=SCORE_PARTS, shared=False, time_limit=settings.part_limit_s)  # type: ignore[untyped-decorator]
    def score_file(sent_ms: int, ids: list[str]) -> None:
        model = current()
        score_parts(*files(), model, Message(sent_ms, ids), settings.lease_s)

    return app
