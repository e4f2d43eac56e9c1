"""The tuning: a classifier that chooses its own settings, from the patients that it is given and no others."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import optuna
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedKFold

from training.classifiers.logistic_regression import TUNING_FOLDS
from training.metrics import clip, log_loss

TRIALS = 24
"""Settings tried in each fold: the first half drawn at random, the others by Optuna's TPE from what those gave."""


class Tuned(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A classifier with settings found by Optuna: the lowest log loss over folds of what it is fitted to.

    `make` takes a trial, asks it for settings, and returns an unfitted classifier. As fitting does all of this, whoever
    cross-validates the whole never scores a patient by settings that were chosen on them.
    """

    def __init__(self, make: Callable[[optuna.Trial | optuna.trial.FixedTrial, int], Any], seed: int, trials: int):
        self.make = make
        self.seed = seed
        self.trials = trials

    def fit(self, matrix: NDArray[np.float64], outcome: NDArray[np.bool_]) -> Self:
        """Choose the settings on (n, d) and (n,), then fit to all n."""
        cut = StratifiedKFold(TUNING_FOLDS, shuffle=True, random_state=self.seed)
        folds = list(cut.split(matrix, outcome))

        def lose(trial: optuna.Trial) -> float:
            unseen = np.empty(len(outcome))
            for learn, score in folds:
                model = self.make(trial, self.seed).fit(matrix[learn], outcome[learn])
                unseen[score] = model.predict_proba(matrix[score])[:, 1]
            return float(log_loss(outcome, clip(unseen), np.ones((1, len(outcome))))[0])

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=self.seed, n_startup_trials=max(1, self.trials // 2))
        search = optuna.create_study(sampler=sampler)
        search.optimize(lose, n_trials=self.trials)
        self.settings_ = search.best_params
        self.model_ = self.make(optuna.trial.FixedTrial(self.settings_), self.seed).fit(matrix, outcome)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities (n, 2) of no disease and of disease."""
        probabilities: NDArray[np.float64] = self.model_.predict_proba(matrix)
        return probabilities
