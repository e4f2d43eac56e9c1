"""A model that a certain patient kills.

The killer is kill -9 on the scoring process itself, as the kernel's out-of-memory killer would do it: nothing in the
process can catch it, and all that it had in hand dies with it.
"""

import os
import signal
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.ledger.protocol import Pause
from core.schema.score import ScoreRow
from models.card import Card
from models.features import MEASURES
from models.scorer import Predictions, Scorer
from tests.faults.cohort import POISON


class Poisoned:
    """The released model, until it meets the marked patient."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    @property
    def version(self) -> str:
        return self._scorer.version

    @property
    def card(self) -> Card:
        return self._scorer.card

    def score(
        self, matrix: NDArray[np.float32], *, explain: bool = False, pause: Pause | None = None
    ) -> list[ScoreRow]:
        swallow(matrix)
        return self._scorer.score(matrix, explain=explain, pause=pause)

    def predict(self, matrix: NDArray[np.float32]) -> Predictions:
        swallow(matrix)
        return self._scorer.predict(matrix)


def swallow(matrix: NDArray[np.float32]) -> None:
    """Die of the marked patient, if it is there."""
    if is_marked(matrix, POISON):
        os.kill(os.getpid(), signal.SIGKILL)


def is_marked(matrix: NDArray[np.float32], mark: Mapping[str, float]) -> bool:
    """Whether a patient of the (n, d) matrix has these measures."""
    columns = [MEASURES.index(name) for name in mark]
    return bool((matrix[:, columns] == np.array(list(mark.values()), np.float32)).all(axis=1).any())
