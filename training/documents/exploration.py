"""The exploration: what the table says before any model, each figure with its interval."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.schema.field import Category
from core.schema.patient import COLUMNS, fields_of_patient
from models.card import Metric
from models.features import to_matrix
from training.classifiers.logistic_regression import new_classifier
from training.data.table import TARGET, Table
from training.evaluation.cross_validation import make_folds, measure
from training.metrics import Floats, average, roc_auc

SMALL = {"age": "int8", "trestbps": "int16", "chol": "int16", "thalach": "int16", "oldpeak": "float16"}
"""The smallest types that hold the measures; every other column, and the target, is a category."""


@dataclass(frozen=True)
class Memory:
    """The types of the columns before and after, and the bytes of the columns (without the index)."""

    before: dict[str, str]
    after: dict[str, str]
    bytes_before: int
    bytes_after: int


def to_frame(table: Table) -> pd.DataFrame:
    """Return the patients and the target as a frame of float64, as pandas reads what may be missing."""
    return pd.DataFrame(np.array(table.rows, dtype=np.float64), columns=list(COLUMNS)).assign(
        **{TARGET: table.outcome.astype(np.float64)}
    )


def shrink(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the same values in small types: 9 categories, int8 and int16, and float16 for `oldpeak`.

    A float16 has three to four digits: 6.2 is held as 6.199. So this is for looking at the table, not for fitting.
    """
    categories = [name for name in frame if name not in SMALL]
    return frame.astype(SMALL | dict.fromkeys(categories, "category"))


def measure_memory(table: Table) -> Memory:
    """Return what the small types save."""
    frame = to_frame(table)
    # As pandas reads them: whole numbers, unless something is missing.
    whole = [name for name in frame if (frame[name] % 1 == 0).all()]
    before, after = frame.astype(dict.fromkeys(whole, "int64")), shrink(frame)
    return Memory(
        before={str(name): str(kind) for name, kind in before.dtypes.items()},
        after={str(name): str(kind) for name, kind in after.dtypes.items()},
        bytes_before=int(before.memory_usage(index=False, deep=True).sum()),
        bytes_after=int(after.memory_usage(index=False, deep=True).sum()),
    )


def shares_diseased(table: Table, name: str) -> dict[str, Metric]:
    """Return the share of the diseased among the patients with each code of a category."""
    field = fields_of_patient()[name]
    assert isinstance(field, Category)  # noqa: S101 - the callers name categories
    codes = to_frame(table)[name].to_numpy()
    found = {label: table.outcome[codes == code] for code, label in field.names.items()}
    return {label: measure_share(values) for label, values in found.items()}


def measure_share(values: NDArray[np.bool_]) -> Metric:
    """Return the share of True among n values, on bootstrap samples of these."""
    return measure(lambda weights: average(values, weights), len(values))


def differ(table: Table, name: str) -> Metric:
    """Return the mean of a column among the diseased, less that among the healthy, in the column's unit."""
    values, sick = to_frame(table)[name].to_numpy(), table.outcome

    def gap(weights: Floats) -> Floats:
        return average(values[sick], weights[:, sick]) - average(values[~sick], weights[:, ~sick])

    return measure(gap, len(values))


def correlate(table: Table, one: str, other: str) -> Metric:
    """Return Spearman's correlation of two columns, over the patients who have both."""
    known = to_frame(table)[[one, other]].dropna().rank().to_numpy()

    def correlation(weights: Floats) -> Floats:
        first, second = (known[:, i] - average(known[:, i], weights)[:, None] for i in (0, 1))
        mixed, own, its = ((weights * pair).sum(1) for pair in (first * second, first**2, second**2))
        rho: Floats = mixed / np.sqrt(own * its)
        return rho

    return measure(correlation, len(known))


def slope_by_age(table: Table, name: str) -> Metric:
    """Return by how much a measure changes with a year of age: least squares."""
    frame = to_frame(table)
    age, values = frame["age"].to_numpy(), frame[name].to_numpy()

    def slope(weights: Floats) -> Floats:
        centred = age - average(age, weights)[:, None]
        per_year: Floats = (weights * centred * values).sum(1) / (weights * centred**2).sum(1)
        return per_year

    return measure(slope, len(age))


def gain_of_cholesterol(table: Table) -> Metric:
    """Return by how much cholesterol raises the nested ROC AUC of the logistic regression with one column a code.

    In one repeat, on the same folds; the interval is that of the paired difference.
    """
    matrix, outcome = to_matrix(table.rows).astype(np.float64), table.outcome
    chol = to_frame(table)["chol"].to_numpy()
    risks = np.empty((2, len(outcome)))
    for fold in make_folds(outcome, repeats=1):
        # Scaled by the patients that are learned from, as the other measures are.
        scaled = (chol - chol[fold.learn].mean()) / chol[fold.learn].std()
        for place, columns in enumerate((matrix, np.column_stack([matrix, scaled]))):
            model = new_classifier(0).fit(columns[fold.learn], outcome[fold.learn])
            risks[place, fold.score] = model.predict_proba(columns[fold.score])[:, 1]
    without, with_it = risks
    return measure(
        lambda weights: roc_auc(outcome, with_it, weights) - roc_auc(outcome, without, weights), len(outcome)
    )
