"""The risks: every candidate fitted on every fold, on all cores, so that each patient is scored unseen."""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from joblib import Parallel, delayed, parallel_config
from numpy.typing import NDArray

from training.classifiers.candidates import CANDIDATES, ENSEMBLE, MEMBERS, Candidate
from training.classifiers.tuning import TRIALS
from training.evaluation.cross_validation import FOLDS, REPEATS, Fold, make_folds
from training.metrics import clip

Risks = dict[str, NDArray[np.float64]]
"""By candidate, the risk of each patient by models that had not seen them: float64 (repeats, n)."""

Show = Callable[[Iterable[Any], int], Iterable[Any]]
"""Passes a number of results on, one by one, and may show how far it is."""


def score_candidates(
    matrix: NDArray[np.float64],
    outcome: NDArray[np.bool_],
    *,
    candidates: Sequence[Candidate] = CANDIDATES,
    repeats: int = REPEATS,
    cuts: int = FOLDS,
    trials: int = TRIALS,
    jobs: int | None = None,
    show: Show = lambda results, _: results,
) -> Risks:
    """Return the unseen risks of every candidate, and of the ensemble if all its members are among them.

    All candidates see the same folds. The same arguments give the same risks, on however many `jobs` (all cores
    unless said). No risk is nearer to 0 or 1 than `training.metrics.SUREST`.
    """
    folds = make_folds(outcome, repeats, cuts)
    risks = {candidate.name: np.full((repeats, len(outcome)), np.nan) for candidate in candidates}
    # The slow ones first, so that no core waits at the end for one of them.
    work = [(candidate, fold) for candidate in reversed(candidates) for fold in folds]
    with parallel_config("loky", n_jobs=jobs or count_cores(), inner_max_num_threads=1):
        done = Parallel(return_as="generator_unordered")(
            delayed(score_fold)(candidate, matrix, outcome, fold, trials) for candidate, fold in work
        )
        for name, fold, risk in show(done, len(work)):
            risks[name][fold.repeat, fold.score] = risk
    if risks.keys() >= set(MEMBERS):
        risks[ENSEMBLE] = np.mean([risks[name] for name in MEMBERS], axis=0)
    return risks


def score_fold(
    candidate: Candidate, matrix: NDArray[np.float64], outcome: NDArray[np.bool_], fold: Fold, trials: int
) -> tuple[str, Fold, NDArray[np.float64]]:
    """Return the candidate's name, the fold, and the risks of its patients by a model fitted to all others."""
    model = candidate.new(fold.repeat, trials).fit(matrix[fold.learn], outcome[fold.learn])
    return candidate.name, fold, clip(model.predict_proba(matrix[fold.score])[:, 1])


def count_cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
