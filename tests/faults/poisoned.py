"""Celery's way in to a worker that a certain patient kills: `celery -A tests.faults.poisoned worker`.

The killer is kill -9 on the scoring process itself, as the kernel's out-of-memory killer would do it: nothing in the
process can catch it, and all that it had in hand dies with it.
"""

import os
import signal
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contract.score import ScoreRow
from contract.settings import Settings
from models.features import MEASURES
from models.scorer import Scorer
from models.verdicts import Verdicts
from tests.faults.cohort import POISON
from worker.tasks import Model, make_worker

COLUMNS = [MEASURES.index(name) for name in POISON]
MARK = np.array(list(POISON.values()), dtype=np.float32)


class Poisoned:
    """The released model, until it meets the marked patient."""

    def __init__(self, bundle: Path) -> None:
        self._scorer = Scorer.load(bundle)

    @property
    def version(self) -> str:
        return self._scorer.version

    def score(self, matrix: NDArray[np.float32], *, explain: bool = False) -> list[ScoreRow]:
        swallow(matrix)
        return self._scorer.score(matrix, explain=explain)

    def judge(self, matrix: NDArray[np.float32]) -> Verdicts:
        swallow(matrix)
        return self._scorer.judge(matrix)


def swallow(matrix: NDArray[np.float32]) -> None:
    """Die of the marked patient, if it is there."""
    if (matrix[:, COLUMNS] == MARK).all(axis=1).any():
        os.kill(os.getpid(), signal.SIGKILL)


@cache
def load() -> Model:
    """Return the released model, poisoned."""
    return Poisoned(settings.bundle)


settings = Settings.read()
app = make_worker(settings, load)
