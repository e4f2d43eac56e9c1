"""The original's own test: one split of a balanced table into four fifths and 56 patients, made many times over."""

from collections.abc import Callable

import numpy as np
from joblib import Parallel, delayed, parallel_config
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy.stats import binomtest
from sklearn.model_selection import train_test_split

from models.card import Metric
from training.classifiers.candidates import new_original
from training.evaluation.cross_validation import DECIMALS
from training.metrics import METRICS, clip
from training.study.risks import Show, count_cores

SPLITS = 500
TESTED = 56

PUBLISHED = {"accuracy": 0.9286, "precision": 0.9286, "recall": 0.9286, "f1": 0.9286, "roc_auc": 0.977}
"""What the original published: 52 of 56 right, 2 errors of either kind, and an area of 0.977."""


class Published(BaseModel):
    """One published figure, what the same scheme gives, and in which share of the splits it is reached.

    `scheme.low` and `scheme.high` hold the middle 95 % of the splits, and `scheme.n` counts these.
    """

    published: float
    scheme: Metric
    sd: float
    reached: Metric


def repeat_split(
    matrix: NDArray[np.float64],
    outcome: NDArray[np.bool_],
    *,
    splits: int = SPLITS,
    jobs: int | None = None,
    show: Show = lambda results, _: results,
) -> dict[str, Published]:
    """Return what the original's classifier scores on that many random splits of its scheme."""
    with parallel_config("loky", n_jobs=jobs or count_cores(), inner_max_num_threads=1):
        done = Parallel(return_as="generator")(delayed(score_split)(matrix, outcome, seed) for seed in range(splits))
        scored = np.array(list(show(done, splits)))
    return {
        name: set_beside(figure, values) for (name, figure), values in zip(PUBLISHED.items(), scored.T, strict=True)
    }


def score_split(matrix: NDArray[np.float64], outcome: NDArray[np.bool_], seed: int) -> list[float]:
    """Return the metrics of one split, in the order of `PUBLISHED`.

    As many healthy patients are drawn as there are diseased ones, and a fifth of all, half of them diseased, is tested.
    """
    random = np.random.default_rng(seed)
    diseased, healthy = np.flatnonzero(outcome), np.flatnonzero(~outcome)
    drawn = np.concatenate([diseased, random.choice(healthy, len(diseased), replace=False)])
    learn, test = train_test_split(drawn, test_size=0.2, stratify=outcome[drawn], random_state=seed)
    model = new_original(seed).fit(matrix[learn], outcome[learn])
    risk = clip(model.predict_proba(matrix[test])[:, 1])
    metrics: list[Callable[..., NDArray[np.float64]]] = [METRICS[name] for name in PUBLISHED]
    return [float(metric(outcome[test], risk, np.ones((1, len(test))))[0]) for metric in metrics]


def set_beside(published: float, values: NDArray[np.float64]) -> Published:
    """Return the published figure beside those of the splits (s,).

    How often it is reached has the exact interval of Clopper and Pearson.
    """
    count, splits = int((values >= published - 5e-5).sum()), len(values)
    bounds = binomtest(count, splits).proportion_ci(0.95, "exact")
    low, high = np.percentile(values, [2.5, 97.5]).round(DECIMALS).tolist()
    return Published(
        published=published,
        scheme=Metric(value=round(float(values.mean()), DECIMALS), low=low, high=high, n=splits),
        sd=round(float(values.std(ddof=1)), DECIMALS),
        reached=Metric(
            value=count / splits, low=round(bounds.low, DECIMALS), high=round(bounds.high, DECIMALS), n=splits
        ),
    )
