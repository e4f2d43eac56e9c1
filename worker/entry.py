"""Celery's way in: `celery -A worker.entry worker`. The one module here that does something when imported."""

from functools import cache

from celery.signals import worker_process_init

from contract.connect import open_redis
from contract.ledger.message import Message
from contract.ledger.redis_ledger import RedisLedger
from contract.queue import SCORE, make_celery
from contract.settings import read_settings
from models.scorer import Scorer
from worker.scoring import score_message

settings = read_settings()
app = make_celery(settings)


@cache
def open_ledger() -> RedisLedger:
    """Return this process's ledger, connected when first asked for."""
    return RedisLedger(open_redis(settings), settings)


@cache
def load_scorer() -> Scorer:
    """Return this process's scorer, loaded when first asked for. Raises BrokenBundle."""
    return Scorer.load(settings.bundle)


@worker_process_init.connect  # type: ignore[untyped-decorator]  # Celery has no types
def warm_up(**_: object) -> None:
    """Load the model once in each process, after the fork: its threads would not survive one."""
    load_scorer()


@app.task(name=SCORE, shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
def score(sent_ms: int, ids: list[str]) -> None:
    """Score the jobs with these ids. A broken bundle raises before anything is claimed, so no job is harmed."""
    scorer = load_scorer()
    score_message(open_ledger(), scorer, Message(sent_ms, ids))
