"""Celery's way in to a worker whose ledger is broken on purpose: the last commit wins, not the first.

A mutant: the fault suite must catch it, or it proves nothing.
"""

from typing_extensions import override

from core.ledger.redis import scripts
from core.settings import Settings
from models.released import Released
from worker.tasks import make_worker

GUARD = "if is_open(state) then"


class Overwriting(scripts.Script):
    """The script that commits, which looks no more at whether the job is open."""

    @property
    @override
    def body(self) -> str:
        return super().body.replace(GUARD, "if state then")


if GUARD not in scripts.FINISH_JOBS.body:
    raise RuntimeError("finish_jobs.lua is no longer what this mutant breaks: break it anew")
scripts.FINISH_JOBS = Overwriting(scripts.FINISH_JOBS.name, scripts.FINISH_JOBS.libraries)

settings = Settings.read()
app = make_worker(settings, Released(settings.bundle).scorer)
