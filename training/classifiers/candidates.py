"""The candidates: what the study compares, from the simplest to the least simple."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import optuna
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC

from training.classifiers.columns import COUNT, STEPS, Levels, to_codes
from training.classifiers.logistic_regression import new_classifier
from training.classifiers.tuning import Tuned

Trial = optuna.Trial | optuna.trial.FixedTrial


KINDS = ("constant", "logistic regression", "SVM", "random forest", "boosting", "mean of several")
"""The kinds of candidate, the simplest first: fewer numbers to fit, and nearer to a sum that can be told term by term.

The order decides between kinds that the data cannot tell apart; it was set before any was scored.
"""


@dataclass(frozen=True)
class Candidate:
    """One way to make a classifier: `new` takes a seed and the trials to tune with, and returns an unfitted one.

    The classifier takes float64 (n, d) matrices, with d as in `models.features.FEATURES`. Fitting does all tuning.
    `kind` is one of `KINDS`.
    """

    name: str
    kind: str
    title: str
    new: Callable[[int, int], Any]


def new_original(seed: int, trials: int = 0) -> Pipeline:  # noqa: ARG001 - it has nothing to tune
    """Return the classifier of the original study with its published parameters, unfitted.

    Its features were the codes of `heart.csv` without cholesterol. The degree was not published: scikit-learn's own, 2.
    """
    forest = RandomForestClassifier(
        n_estimators=51, max_depth=20, max_features=0.8598853604010984, random_state=seed, n_jobs=1
    )
    return Pipeline(
        [("codes", FunctionTransformer(to_codes)), ("polynomial", PolynomialFeatures(2)), ("forest", forest)]
    )


def make_forest(trial: Trial, seed: int) -> RandomForestClassifier:
    """Return a random forest with the trial's settings."""
    return RandomForestClassifier(
        n_estimators=100,
        max_features=trial.suggest_float("max_features", 0.05, 0.6),
        min_samples_leaf=trial.suggest_int("min_samples_leaf", 1, 16),
        max_depth=trial.suggest_int("max_depth", 2, 12),
        random_state=seed,
        n_jobs=1,
    )


def make_boosting(trial: Trial, seed: int) -> GradientBoostingClassifier:
    """Return gradient boosting with the trial's settings."""
    return GradientBoostingClassifier(
        n_estimators=trial.suggest_int("n_estimators", 20, 150),
        learning_rate=trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        max_depth=trial.suggest_int("max_depth", 1, 3),
        min_samples_leaf=trial.suggest_int("min_samples_leaf", 1, 20),
        subsample=trial.suggest_float("subsample", 0.5, 1),
        random_state=seed,
    )


def make_svm(trial: Trial, seed: int) -> Pipeline:  # noqa: ARG001 - nothing in it is random
    """Return a support vector machine with the trial's settings, its margins made probabilities by Platt's method."""
    machine = SVC(
        C=trial.suggest_float("C", 0.05, 20, log=True), gamma=trial.suggest_float("gamma", 0.001, 0.2, log=True)
    )
    return Pipeline([("scaler", StandardScaler()), ("machine", CalibratedClassifierCV(machine, cv=5, ensemble=False))])


LEVELS: dict[str, Levels | None] = {"logistic": None, "counted": COUNT, "stepped": STEPS}
"""The logistic regressions, by name, and how each tells of the coloured vessels: only these can be released."""

CANDIDATES: tuple[Candidate, ...] = (
    Candidate(
        "dummy", "constant", "the share of the diseased, for everyone", lambda *_: DummyClassifier(strategy="prior")
    ),
    Candidate(
        "logistic",
        "logistic regression",
        "logistic regression, one column a code",
        lambda seed, _: new_classifier(seed, LEVELS["logistic"]),
    ),
    Candidate(
        "counted",
        "logistic regression",
        "the same, vessels as a count",
        lambda seed, _: new_classifier(seed, LEVELS["counted"]),
    ),
    Candidate(
        "stepped",
        "logistic regression",
        "the same, vessels in two steps",
        lambda seed, _: new_classifier(seed, LEVELS["stepped"]),
    ),
    Candidate("svm", "SVM", "support vector machine, tuned", lambda seed, trials: Tuned(make_svm, seed, trials)),
    Candidate("original", "random forest", "the original: polynomial features, random forest", new_original),
    Candidate("forest", "random forest", "random forest, tuned", lambda seed, trials: Tuned(make_forest, seed, trials)),
    Candidate(
        "boosting", "boosting", "gradient boosting, tuned", lambda seed, trials: Tuned(make_boosting, seed, trials)
    ),
)
"""What is fitted."""

MEMBERS = ("logistic", "svm", "forest")
"""Whose risks the ensemble takes the mean of. It needs no fit of its own."""

ENSEMBLE = "ensemble"

TITLES: dict[str, str] = {candidate.name: candidate.title for candidate in CANDIDATES} | {
    ENSEMBLE: "mean of logistic regression, SVM and forest"
}
"""What each candidate is."""

KIND_OF: dict[str, str] = {candidate.name: candidate.kind for candidate in CANDIDATES} | {ENSEMBLE: KINDS[-1]}
"""Of which kind each candidate is."""
