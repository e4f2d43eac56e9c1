"""The gate: a bundle is released only if it says what the fitted classifier says."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from sklearn.pipeline import Pipeline

from contract.errors import OperatorError
from contract.patient import Row
from models.features import to_matrix
from models.scorer import Scorer
from training.jitter import jitter

PATIENTS, SEED = 100_000, 0
LARGEST_DIFFERENCE = 1e-6


class ReleaseRefused(OperatorError):
    """The bundle was not released, and the one before it is unharmed."""

    code: ClassVar[str] = "release-refused"


def check_parity(scorer: Scorer, classifier: Pipeline, rows: Sequence[Row]) -> float:
    """Return the largest difference in risk between the bundle and the classifier, over jittered patients.

    A wrong export raises nothing by itself: it scores, and scores falsely. Raises ReleaseRefused if a risk
    differs by more than `LARGEST_DIFFERENCE`, or falls on the other side of the threshold.
    """
    matrix = to_matrix(jitter(rows, PATIENTS, SEED))
    ours = scorer.risk(matrix)
    theirs = classifier.predict_proba(matrix.astype(np.float64))[:, 1]
    difference = float(np.abs(ours - theirs).max())
    flipped = int(((ours >= scorer.card.threshold) != (theirs >= scorer.card.threshold)).sum())
    if not difference <= LARGEST_DIFFERENCE or flipped:
        raise ReleaseRefused(
            f"Nothing was released. Over {PATIENTS} jittered patients the bundle's risk is up to {difference:.1e} from "
            f"scikit-learn's (allowed: {LARGEST_DIFFERENCE:.0e}), and {flipped} of its decisions differ (allowed: 0)."
        )
    return difference
