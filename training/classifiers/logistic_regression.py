"""The logistic regression: a classifier that chooses its own penalty from the patients that it is given."""

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from models.features import MEASURES
from training.classifiers.columns import Levels, VesselCoding
from training.metrics import log_loss

PENALTIES = np.logspace(-2, 1, 7)
"""The inverse strengths C of the L2 penalty among which the classifier chooses."""

TUNING_FOLDS = 5


def new_classifier(seed: int, levels: Levels | None = None) -> Pipeline:
    """Return an unfitted classifier of float64 (n, d) matrices, with d as in `models.features.FEATURES`.

    Measures are scaled to mean 0 and variance 1, so that one penalty suits them all; codes stay 0 and 1. With `levels`
    the coloured vessels are told of by those columns. Fitting chooses C by log loss over folds of what it is given and
    of nothing else, so that a classifier which is cross-validated as a whole is never scored on a patient it was tuned
    on. Its log-odds are a sum of a term for each column of the matrix, whatever the levels.
    """
    scaler = ColumnTransformer([("measures", StandardScaler(), slice(0, len(MEASURES)))], remainder="passthrough")
    regression = LogisticRegressionCV(
        Cs=PENALTIES,
        l1_ratios=(0,),
        cv=StratifiedKFold(TUNING_FOLDS, shuffle=True, random_state=seed),
        scoring=score_log_loss,
        # Newton's steps end at the optimum itself, to the last bits, where lbfgs would stop somewhere near it:
        # the same coefficients on every machine.
        solver="newton-cholesky",
        tol=1e-10,
        use_legacy_attributes=False,
    )
    coding = [("vessels", VesselCoding(levels))] if levels else []
    return Pipeline([*coding, ("scaler", scaler), ("regression", regression)])


def score_log_loss(
    model: LogisticRegression,
    matrix: NDArray[np.float64],
    outcome: NDArray[np.bool_],
    sample_weight: NDArray[np.float64] | None = None,
) -> float:
    """Return minus the mean log loss of the model on these patients, weighed if asked for, so that more is better.

    It is scikit-learn's "neg_log_loss" without its checks, which would take more than half the time of training.
    """
    risk = model.predict_proba(matrix)[:, 1]
    weights = np.ones(len(outcome)) if sample_weight is None else sample_weight
    return -float(log_loss(outcome, risk, weights[None])[0])
