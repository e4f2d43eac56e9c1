"""The gate: a bundle is released only if it says what the fitted classifier says."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from sklearn.pipeline import Pipeline

from contract.errors import OperatorError
from contract.patient import COLUMNS, Row
from models.features import FEATURES, to_matrix
from models.scorer import Scorer
from training.jitter import jitter

PATIENTS, EXPLAINED, SEED = 100_000, 10_000, 0
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


def check_terms(scorer: Scorer, classifier: Pipeline, rows: Sequence[Row]) -> float:
    """Return the largest error, in log-odds, of the bundle's explanations of jittered patients.

    The terms must add up to the classifier's log-odds, and each must be what those lose when the columns of its field
    become the mean of `rows`. Raises ReleaseRefused if any is off by more than `LARGEST_DIFFERENCE`.
    """
    matrix, mean = to_matrix(jitter(rows, EXPLAINED, SEED)), to_matrix(rows).mean(axis=0, dtype=np.float64)
    told = [score[4] for score in scorer.score(matrix, explain=True)]
    baselines, terms, sums = (np.array(part) for part in zip(*told, strict=True))
    exact = matrix.astype(np.float64)
    log_odds = classifier.decision_function(exact)
    errors = [baselines + terms.sum(axis=1) - log_odds, sums - log_odds]
    for name, term in zip(COLUMNS, terms.T, strict=True):
        own = [feature.partition("=")[0] == name for feature in FEATURES]
        without = np.where(own, mean, exact)
        errors.append(log_odds - classifier.decision_function(without) - term)
    largest = float(np.abs(errors).max())
    if not largest <= LARGEST_DIFFERENCE:
        raise ReleaseRefused(
            f"Nothing was released. Over {EXPLAINED} jittered patients the bundle's log-odds, or their terms, are up "
            f"to {largest:.1e} from scikit-learn's (allowed: {LARGEST_DIFFERENCE:.0e})."
        )
    return largest
