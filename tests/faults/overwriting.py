"""Celery's way in to a worker whose ledger is broken on purpose: the last commit wins, not the first.

A mutant: the fault suite must catch it, or it proves nothing.
"""

from core.ledger.redis.lua import scripts
from core.settings import Settings
from models.released import Released
from worker.tasks import make_worker

GUARD = "if open(state) then"
if GUARD not in scripts.FINISH:
    raise RuntimeError("FINISH is no longer what this mutant breaks: break it anew")
scripts.FINISH = scripts.FINISH.replace(GUARD, "if state then")

settings = Settings.read()
app = make_worker(settings, Released(settings.bundle).scorer)
