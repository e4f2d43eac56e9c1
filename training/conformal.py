"""The conformal sets: from which risk on a label cannot be ruled out, and how often that is right."""

import math
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import NDArray

from contract.score import PREDICTIONS, SETS
from models.card import Conformal, Metric
from training.evaluation import DECIMALS, Watch, make_folds, measure, score_unseen
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


def calibrate(outcome: NDArray[np.bool_], risks: NDArray[np.float64]) -> Conformal:
    """Return the bounds that patients of known outcome (n,) and their unseen risks (repeats, n) give."""
    return Conformal(
        level=float(LEVEL),
        disease_at_least=round(1 - find_bound(1 - risks[:, outcome]), DECIMALS),
        no_disease_at_most=round(find_bound(risks[:, ~outcome]), DECIMALS),
        method=METHOD,
    )


def find_bound(strangeness: NDArray[np.float64]) -> float:
    """Return the mean, over the rows of (repeats, n), of the ceil(LEVEL (n + 1))th smallest value.

    One more patient of the same kind is no stranger than that with a probability of at least LEVEL. Raises IndexError
    for fewer than nine patients.
    """
    rank = math.ceil(LEVEL * (strangeness.shape[1] + 1))
    return float(np.sort(strangeness, axis=1)[:, rank - 1].mean())


def measure_sets(
    matrix: NDArray[np.float64], outcome: NDArray[np.bool_], risk: NDArray[np.float64], watch: Watch = iter
) -> dict[str, Metric]:
    """Return the share of the sick and of the healthy whose set holds their label, and the mean size of a set.

    `risk` (n,) is that of the first repeat of `training.evaluation.make_folds`, of which no patient was seen by the
    model; here none is seen by the bounds either.
    """
    places = np.empty(len(outcome), dtype=np.int64)
    for fold in watch(make_folds(outcome, repeats=1)):
        known = outcome[fold.learn]
        bounds = calibrate(known, score_unseen(matrix[fold.learn], known, repeats=1))
        places[fold.score] = bounds.rule_out(risk[fold.score])
    holds = np.array([[label in labels for label in PREDICTIONS] for labels in SETS])[places]
    of_sick, of_healthy = holds[outcome, 1], holds[~outcome, 0]
    return {
        "coverage_disease": measure(partial(average, of_sick), len(of_sick)),
        "coverage_no_disease": measure(partial(average, of_healthy), len(of_healthy)),
        "mean_set_size": measure(partial(average, holds.sum(axis=1)), len(holds)),
    }
