"""The checks: what a bundle must pass before it is released. A refusal says why, and what to do."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from sklearn.pipeline import Pipeline

from core.errors import OperatorError
from core.schema.patient import COLUMNS, Row
from models.card import Card, Metric
from models.features import FEATURES, to_matrix
from models.scorer import Scorer
from training.bundle.behaviour import find_faults
from training.classifiers.candidates import LEVELS
from training.classifiers.columns import Levels
from training.data.jitter import jitter
from training.data.table import Table
from training.study.results import Study

PATIENTS, EXPLAINED, SEED = 100_000, 10_000, 0
LARGEST_DIFFERENCE = 1e-6

FROM_THE_STUDY = 0.005
"""How far a metric may be from the study's, which was measured in the same way: more is another model or table."""

AT_LEAST, AT_MOST = ("accuracy", "roc_auc", "auprc"), ("log_loss", "brier")
"""The metrics that must not lie below the champion's interval, and those that must not lie above it."""


class ReleaseRefused(OperatorError):
    """The bundle was not released, and the one before it is unharmed."""

    code: ClassVar[str] = "release-refused"


def check_choice(study: Study, table: Table) -> Levels | None:
    """Return how the classifier that the study chose tells of the vessels.

    Raises ReleaseRefused if the study was made of another table, or chose what cannot be released.
    """
    if study.table_sha256 != table.sha256:
        raise ReleaseRefused(
            "Nothing was released. The study was made of another table than this: run `python -m training study`."
        )
    chosen = study.choice.chosen
    if chosen not in LEVELS:
        raise ReleaseRefused(
            f"Nothing was released. The study chose {chosen}, and only these can be written as ONNX with explanations: "
            f"{', '.join(LEVELS)}. Write its graph in training/bundle/graph.py first."
        )
    return LEVELS[chosen]


def check_repeats(model: bytes, again: bytes) -> None:
    """Raise ReleaseRefused unless two fits to the same table gave the same bytes."""
    if model != again:
        raise ReleaseRefused(
            "Nothing was released. Two fits to the same table with the same seed gave different models."
        )


def check_behaviour(scorer: Scorer, rows: Sequence[Row]) -> None:
    """Raise ReleaseRefused, naming every fault, if the bundle says of patients what it should not."""
    faults = find_faults(scorer, rows)
    if faults:
        raise ReleaseRefused(f"Nothing was released. The model misbehaves: {'; '.join(faults)}.")


def check_quality(metrics: dict[str, Metric], study: Study, champion: Card | None) -> None:
    """Raise ReleaseRefused if a metric is not what the study says, or is worse than the champion's interval allows."""
    faults = []
    for name, measured in study.results[study.choice.chosen].metrics.items():
        if abs(metrics[name].value - measured.value) > FROM_THE_STUDY:
            faults.append(f"{name} is {metrics[name].value}, and the study has {measured.value}")
    for name, theirs in champion.metrics.items() if champion else ():
        value = metrics[name].value
        if (name in AT_LEAST and value < theirs.low) or (name in AT_MOST and value > theirs.high):
            faults.append(f"{name} is {value}, and the champion's interval {theirs.low} to {theirs.high}")
    if faults:
        raise ReleaseRefused(f"Nothing was released. The model is not as good as it must be: {'; '.join(faults)}.")


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
    explained = [score[4] for score in scorer.score(matrix, explain=True)]
    baselines, terms, sums = (np.array(part) for part in zip(*explained, strict=True))
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
