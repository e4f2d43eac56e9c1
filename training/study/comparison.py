"""The comparison: which candidate the data and a rule choose, and how firmly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from models.card import Metric
from training.classifiers.candidates import KIND_OF, KINDS
from training.evaluation.cross_validation import DECIMALS, RESAMPLES, measure
from training.metrics import average, roc_auc
from training.study.risks import Risks

RULE = (
    "Of the candidates whose log loss is within one standard error of the lowest, the simplest kind; of one kind, the "
    "lowest log loss. The standard error is that of the paired difference, patient by patient, of the losses averaged "
    f"over the repeats. The kinds, the simplest first: {', '.join(KINDS)}."
)
"""How the model is chosen. Source of the rule of one standard error: Breiman et al., "Classification and Regression
Trees" (1984), section 3.4.3; paired, because the losses of two candidates on one patient go together.
"""


class Difference(BaseModel):
    """A candidate beside the chosen one: its log loss and its ROC AUC, less those of the chosen."""

    log_loss: Metric
    roc_auc: Metric


class Choice(BaseModel):
    """What the rule chooses.

    `behind` is how far each candidate is behind the lowest log loss, and the standard error of that; `within` are those
    within one of it; `chosen_in_resamples` is in which share of bootstrap samples the rule chooses each.
    """

    rule: str
    lowest: str
    chosen: str
    behind: dict[str, tuple[float, float]]
    within: tuple[str, ...]
    chosen_in_resamples: dict[str, float]


@dataclass(frozen=True)
class Losses:
    """The mean log loss of each patient over the repeats: `values` float64 (candidates, n), in the order of `names`."""

    names: tuple[str, ...]
    values: NDArray[np.float64]


def lose(outcome: NDArray[np.bool_], risks: Risks) -> Losses:
    """Return the losses of all candidates."""
    values = [-np.log(np.where(outcome, risk, 1 - risk)).mean(axis=0) for risk in risks.values()]
    return Losses(tuple(risks), np.array(values))


def choose(outcome: NDArray[np.bool_], risks: Risks) -> Choice:
    """Return what `RULE` makes of the unseen risks of patients of this outcome."""
    losses, patients = lose(outcome, risks), len(outcome)
    resamples = np.random.default_rng(0).multinomial(patients, np.full(patients, 1 / patients), RESAMPLES)
    means, errors = stand_behind(losses, np.ones((1, patients)))
    lowest = int(means[0].argmin())
    behind = means[0] - means[0, lowest]
    chosen = apply_rule(losses.names, means, errors)
    often = apply_rule(losses.names, *stand_behind(losses, resamples.astype(np.float64)))
    return Choice(
        rule=RULE,
        lowest=losses.names[lowest],
        chosen=losses.names[chosen[0]],
        behind={
            name: (round(float(far), DECIMALS), round(float(error), DECIMALS))
            for name, far, error in zip(losses.names, behind, errors[0], strict=True)
        },
        within=tuple(name for name, far, error in zip(losses.names, behind, errors[0], strict=True) if far <= error),
        chosen_in_resamples={name: float((often == place).mean()) for place, name in enumerate(losses.names)},
    )


def stand_behind(losses: Losses, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, for each of the weightings (b, n), the mean loss of each of c candidates, and its standard error: (b, c).

    The error is that of the paired difference from the lowest, which is 0 for the lowest itself.
    """
    values, patients = losses.values, losses.values.shape[1]
    means = weights @ values.T / patients
    # The variance of a difference from the mean products of all pairs: a sample at a time would take minutes.
    products = (values[:, None] * values).reshape(-1, patients)
    squares = (weights @ products.T / patients).reshape(len(weights), len(values), len(values))
    lowest, own = means.argmin(axis=1), np.einsum("bcc->bc", squares)
    sample = np.arange(len(weights))
    mixed, other = squares[sample, :, lowest], own[sample, lowest][:, None]
    variance = own + other - 2 * mixed - (means - means[sample, lowest][:, None]) ** 2
    return means, np.sqrt(variance.clip(0) / (patients - 1))


def apply_rule(names: tuple[str, ...], means: NDArray[np.float64], errors: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the place of the chosen candidate for each row of mean losses and of their standard errors (b, c)."""
    rank = np.array([KINDS.index(KIND_OF[name]) for name in names], dtype=np.float64)
    within = means - means.min(axis=1, keepdims=True) <= errors
    simplest = np.where(within, rank, np.inf)
    among = within & (simplest == simplest.min(axis=1, keepdims=True))
    chosen: NDArray[np.intp] = np.where(among, means, np.inf).argmin(axis=1)
    return chosen


def compare(outcome: NDArray[np.bool_], risks: Risks, chosen: str) -> dict[str, Difference]:
    """Return how each other candidate differs from the chosen one, on the same patients."""
    losses = lose(outcome, risks)
    of_chosen = losses.values[losses.names.index(chosen)]

    def area(name: str, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        mean: NDArray[np.float64] = np.mean([roc_auc(outcome, risk, weights) for risk in risks[name]], axis=0)
        return mean

    def differ(name: str, loss: NDArray[np.float64]) -> Difference:
        return Difference(
            log_loss=measure(lambda weights: average(loss - of_chosen, weights), len(outcome)),
            roc_auc=measure(lambda weights: area(name, weights) - area(chosen, weights), len(outcome)),
        )

    return {name: differ(name, loss) for name, loss in zip(losses.names, losses.values, strict=True) if name != chosen}
