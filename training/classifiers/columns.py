"""The columns: the same patients in the representations that some candidates want instead of one column a code."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from core.schema.field import Category
from core.schema.patient import fields_of_patient
from models.features import FEATURES, MEASURES

_VESSELS = [j for j, feature in enumerate(FEATURES) if feature.startswith("ca=")]
_OTHERS = [j for j in range(len(FEATURES)) if j not in _VESSELS]
Levels = tuple[tuple[float, ...], ...]
"""For none, one, two and three vessels, in this order, the values of the columns that tell of them."""

COUNT: Levels = ((0,), (1,), (2,), (3,))
"""One column: how many. Every further vessel weighs the same."""

STEPS: Levels = ((0, 0), (1, 0), (1, 1), (1, 1))
"""Two columns: at least one, and at least two. Three count as two: only 20 patients have three."""


class VesselCoding(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Tells of the coloured vessels in the columns of `levels`, instead of one column a code.

    Each column is centred over the patients for whom `ca` is known, and 0 for the others, so that what was not measured
    adds nothing. They come last; every other column of `models.features.FEATURES` stays as it is.
    """

    def __init__(self, levels: Levels) -> None:
        self.levels = levels

    def fit(self, matrix: NDArray[np.float64], outcome: NDArray[np.bool_] | None = None) -> Self:  # noqa: ARG002 - scikit-learn passes it
        """Learn the columns' means from the (n, d) matrix."""
        known = matrix[:, _VESSELS].sum(axis=0)
        levels = np.array(self.levels, dtype=np.float64)
        self.centred_ = levels - known @ levels / known.sum()
        return self

    def transform(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the matrix (n, d) with the four columns of `ca` replaced by those of the k levels: (n, d - 4 + k)."""
        return np.column_stack([matrix[:, _OTHERS], matrix[:, _VESSELS] @ self.centred_])


def to_codes(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (n, d) matrix of `models.features.to_matrix` as `heart.csv` has it: measures, then a code a category.

    What was not measured is the code that stands for it there: 4 for `ca`, 0 for `thal`.
    """
    columns: list[NDArray[Any]] = [matrix[:, : len(MEASURES)]]
    first = len(MEASURES)
    for field in fields_of_patient().values():
        if isinstance(field, Category):
            own = matrix[:, first : first + len(field.names)]
            missing = field.missing[0] if field.missing else 0
            columns.append(own @ (np.array([*field.names]) - missing) + missing)
            first += len(field.names)
    return np.column_stack(columns)
