"""Celery's way in to a worker that a certain patient kills: `celery -A tests.faults.poisoned worker`."""

from functools import cache

from core.settings import Settings
from models.scorer import Scorer
from tests.faults.poison import Poisoned
from worker.metrics import Model
from worker.tasks import make_worker


@cache
def load() -> Model:
    """Return the released model, poisoned."""
    return Poisoned(Scorer.load(settings.bundle))


settings = Settings.read()
app = make_worker(settings, load)
