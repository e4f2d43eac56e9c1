"""Celery's way in: `celery -A worker.entry worker`. The one module here that does something when imported."""

from functools import partial

from contract.settings import Settings
from models.scorer import Scorer
from worker.tasks import make_worker

settings = Settings.read()
app = make_worker(settings, partial(Scorer.load, settings.bundle))
