"""The worker: `celery -A bench.peers.template.tasks worker`, with CELERY_BROKER_URL and CELERY_RESULT_BACKEND set."""

import os
from functools import cache
from typing import Any

from celery import Celery
from celery.signals import worker_process_init
from sklearn.pipeline import Pipeline

from bench.peers import model

celery = Celery("template", set_as_current=False)


@cache
def pipeline() -> Pipeline:
    """Return the model in the file that BENCH_MODEL names, read once in each process."""
    return model.load(os.environ["BENCH_MODEL"])


@worker_process_init.connect
def warm_up(**_: object) -> None:
    """Load the model before the first job has to wait for it."""
    pipeline()


@celery.task
def score(patient: dict[str, Any]) -> dict[str, Any]:
    """Score one patient; the result backend keeps the score."""
    return model.score(pipeline(), patient)
