"""The conformal sets: from which risk on a label cannot be ruled out, and how often that is right."""

import math
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.schema.score import PREDICTIONS, SETS
from models.card import Conformal, Metric
from models.features import FEATURES
from training.classifiers.columns import Levels
from training.evaluation.cross_validation import DECIMALS, Watch, make_folds, measure, score_unseen
from training.metrics import average

LEVEL = Fraction(9, 10)

METHOD = (
    "Class-conditional (Mondrian) conformal prediction: a label is ruled out where the risk speaks more against it "
    "than for nine tenths of the training patients who have it, to be exact for ceil(0.9 (n + 1)) of n. Their risks "
    "are the unseen ones of the cross-validation in `protocol`, and a bound is the mean over its repeats. The level "
    "is near and not guaranteed, since no patients were set apart: the model itself is fitted to all of them (cross- "
    "conformal). So it was measured: the coverages and the mean size are those of each tenth of the patients under "
    "bounds that were made in the same way from the other nine tenths alone, in one repeat."
)
"""What the card says of the sets.

Sources: Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World" (2005), chapter 4, for bounds by class
(Mondrian); Sadinle, Lei, Wasserman, J Am Stat Assoc 114 (2019) 223-234, for the sets being the smallest that cover each
class; Vovk, Ann Math Artif Intell 74 (2015) 9-28, for cross-conformal prediction.
"""


SENSITIVITY = Fraction(19, 20)
"""The share of the diseased that the operating point is to find: a choice of ours, no clinician has made it."""

POINT_METHOD = (
    "The bound of the conformal sets for disease at this share instead of nine tenths; sensitivity and specificity are "
    "those on each tenth of the patients of a bound made from the other nine tenths alone, in one repeat."
)
"""What the card says of the operating point."""


def calibrate(outcome: NDArray[np.bool_], risks: NDArray[np.float64]) -> Conformal:
    """Return the bounds that patients of known outcome (n,) and their unseen risks (repeats, n) give."""
    return Conformal(
        level=float(LEVEL),
        disease_at_least=find_threshold(outcome, risks, LEVEL),
        no_disease_at_most=round(find_bound(risks[:, ~outcome], LEVEL), DECIMALS),
        method=METHOD,
    )


def find_threshold(outcome: NDArray[np.bool_], risks: NDArray[np.float64], share: Fraction) -> float:
    """Return the threshold that at least this share of the diseased reach, as `find_bound` has it."""
    return round(1 - find_bound(1 - risks[:, outcome], share), DECIMALS)


def find_bound(strangeness: NDArray[np.float64], share: Fraction) -> float:
    """Return the mean, over the rows of (repeats, n), of the ceil(share (n + 1))th smallest value.

    One more patient of the same kind is no stranger than that with a probability of at least `share`. Raises IndexError
    for too few patients: nine for nine tenths.
    """
    rank = math.ceil(share * (strangeness.shape[1] + 1))
    return float(np.sort(strangeness, axis=1)[:, rank - 1].mean())


def measure_sets(
    matrix: NDArray[np.float64],
    outcome: NDArray[np.bool_],
    risk: NDArray[np.float64],
    levels: Levels | None,
    watch: Watch = iter,
) -> tuple[dict[str, Metric], dict[str, Metric]]:
    """Return what the sets cover and how large they are, and what the operating point finds.

    `risk` (n,) is that of the first repeat of `make_folds`, of which no patient was seen by the model, a classifier
    with these `levels`; here none is seen by the bounds either.
    """
    places, called = np.empty(len(outcome), dtype=np.int64), np.empty(len(outcome), dtype=np.bool_)
    for fold in watch(make_folds(outcome, repeats=1)):
        known = outcome[fold.learn]
        inner = score_unseen(matrix[fold.learn], known, levels, repeats=1)
        places[fold.score] = calibrate(known, inner).rule_out(risk[fold.score])
        called[fold.score] = risk[fold.score] >= find_threshold(known, inner, SENSITIVITY)
    holds = np.array([[label in labels for label in PREDICTIONS] for labels in SETS])[places]
    right = np.where(outcome, holds[:, 1], holds[:, 0])
    men = matrix[:, FEATURES.index("sex=male")] == 1
    covered = {"disease": outcome, "no_disease": ~outcome, "female": ~men, "male": men}
    sets = {f"coverage_{name}": share_of(right[who]) for name, who in covered.items()}
    sets |= {
        f"coverage_{found}_{sex}": share_of(right[covered[found] & covered[sex]])
        for found in ("disease", "no_disease")
        for sex in ("female", "male")
    }
    point = {"sensitivity": share_of(called[outcome]), "specificity": share_of(~called[~outcome])}
    return sets | {"mean_set_size": share_of(holds.sum(axis=1).astype(np.float64))}, point


def share_of(values: NDArray[np.bool_] | NDArray[np.float64]) -> Metric:
    """Return the mean of the values (n,), with its interval."""
    return measure(partial(average, values), len(values))
