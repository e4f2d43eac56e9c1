"""The way in for Celery's own programs, such as Flower: `celery -A worker.entry flower`. Does something when imported.

A worker is run by `python -m worker run`, which first checks Redis and the model.
"""

from functools import partial

from contract.settings import Settings
from models.scorer import Scorer
from worker.tasks import make_worker

settings = Settings.read()
app = make_worker(settings, partial(Scorer.load, settings.bundle))
