"""The binning of records into histograms, the same in training and in serving."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.schema.reference import MISSING, RISK, Bins, Reference, bin_name
from models.features import FEATURES, MEASURES

_FOLDED_ROWS = 64


class Binning:
    """Counts records in the bins of a reference, one feature at a time."""

    def __init__(self, reference: Reference) -> None:
        self._features = reference.features
        # In the matrix's precision: else 6.2, which is not exact, would be above a bin that ends there.
        self._edges = {
            name: np.array(bins.edges, np.float32) for name, bins in reference.features.items() if bins.edges
        }

    def count(self, matrix: NDArray[np.float32], risk: NDArray[np.floating]) -> dict[str, int]:
        """Return how many of n records are in each bin, by `bin_name`, without empty bins.

        `matrix` is (n, d), as `models.features.to_matrix` makes it, and `risk` is (n,).
        """
        sums = dict(zip(FEATURES, sum_columns(matrix).tolist(), strict=True))
        counts: dict[str, int] = {}
        for name, bins in self._features.items():
            if name in self._edges:
                values = risk.astype(np.float32) if name == RISK else matrix[:, MEASURES.index(name)]
                found = count_between(values, self._edges[name])
            else:
                found = [int(sums[bin_name(name, label)]) for label in bins.labels if label != MISSING]
            if bins.labels[-1] == MISSING:
                found.append(len(matrix) - sum(found))
            counts |= {bin_name(name, label): n for label, n in zip(bins.labels, found, strict=True) if n}
        return counts


def sum_columns(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sums of the matrix's d columns, as (d,); exact if they are integers below 2^24."""
    # Folded, since numpy adds a few long rows ten times as fast as many short ones.
    rows, columns = matrix.shape
    even = rows - rows % _FOLDED_ROWS
    folded = matrix[:even].reshape(-1, _FOLDED_ROWS * columns).sum(axis=0).reshape(_FOLDED_ROWS, columns)
    sums: NDArray[np.float32] = folded.sum(axis=0) + matrix[even:].sum(axis=0)
    return sums


def count_between(values: NDArray[np.float32], edges: NDArray[np.float32]) -> list[int]:
    """Return how many of the values (n,) lie below, between and above the edges (k,), as k + 1 numbers."""
    ascending = np.sort(values)
    inner, last = ascending.searchsorted(edges[:-1]), ascending.searchsorted(edges[-1], side="right")
    counts: list[int] = np.diff([0, *inner, last, len(values)]).tolist()
    return counts


def empty_bins(labels: Sequence[str], edges: Sequence[float] | None = None) -> Bins:
    """Return bins whose counts are all 0."""
    return Bins(labels=tuple(labels), counts=(0,) * len(labels), edges=tuple(edges) if edges else None)


def bins_between(edges: Sequence[float]) -> Bins:
    """Return the empty bins of a measure with these edges."""
    between = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return empty_bins([f"below {edges[0]:g}", *between, f"above {edges[-1]:g}"], edges)
