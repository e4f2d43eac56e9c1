"""Simulated patients, drawn from a Gaussian copula that is fitted to the table for each outcome separately.

Each field has a standard normal variable, and the thirteen variables are correlated. The position of a variable between
its cuts selects one of the table's values. So a field takes the table's values at the table's rates, while the patients
as a whole are new. Categories are ordered by their codes.

Source: Cario, Nelson, "Modeling and Generating Random Vectors with Arbitrary Marginal Distributions and Correlation
Matrix", Northwestern University (1997).
"""

import math
import random
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import mul
from statistics import NormalDist

from core.errors import BadTable
from core.schema.patient import COLUMNS, Patient, Row
from producer.table import Case

NORMAL = NormalDist()
TOO_FEW = "The table holds too few patients to draw others like them."

Matrix = list[list[float]]


class Copula:
    """Draws patients like those of the cases, with the same share of diseased ones.

    Raises BadTable if the diseased, or the others, are too few to fit.
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        self._share = sum(case.disease for case in cases) / max(1, len(cases))
        self._kinds = {
            disease: Kind([case.patient.to_row() for case in cases if case.disease is disease])
            for disease in (True, False)
        }

    def draw(self, rng: random.Random) -> Case:
        """Return a new patient and the outcome of the angiogram; takes some 50 us."""
        disease = rng.random() < self._share
        row = self._kinds[disease].draw(rng)
        return Case(Patient.model_validate(dict(zip(COLUMNS, row, strict=True))), disease)


class Kind:
    """The patients of one outcome: the distribution of each field, and the correlations of the fields."""

    def __init__(self, rows: Sequence[Row]) -> None:
        columns = list(zip(*rows, strict=True))
        if not columns or any(all(value is None for value in column) for column in columns):
            raise BadTable(TOO_FEW)
        self._fields = [Spread(column) for column in columns]
        self._mixing = factorize(correlate(self._fields, columns))

    def draw(self, rng: random.Random) -> Row:
        """Return the values of a new patient."""
        noise = [rng.gauss(0, 1) for _ in self._fields]
        return tuple(
            field.value_at(sum(map(mul, weights, noise)), rng.random())
            for field, weights in zip(self._fields, self._mixing, strict=True)
        )


class Spread:
    """The values of one field, and the cuts between them on a standard normal axis.

    `scores` maps a value to its place there: the mean of the normal variable between the value's two cuts. `variance`
    is the variance of the scores, at most 1: the fewer values a field has, the smaller it is.
    """

    def __init__(self, column: Sequence[float | None]) -> None:
        measured = Counter(value for value in column if value is not None)
        total = measured.total()
        self._missing = 1 - total / len(column)
        self._values = sorted(measured)
        shares = [measured[value] / total for value in self._values]
        self._cuts = [NORMAL.inv_cdf(share) for share in list(accumulate(shares))[:-1]]
        heights = [0, *(NORMAL.pdf(cut) for cut in self._cuts), 0]
        means = [(low - high) / share for (low, high), share in zip(pairwise(heights), shares, strict=True)]
        self.scores = dict(zip(self._values, means, strict=True))
        self.variance = sum(share * mean**2 for share, mean in zip(shares, means, strict=True))

    def value_at(self, normal: float, chance: float) -> float | None:
        """Return the value at this place of the axis; None, at the table's rate, if `chance`, 0 to 1, is below it."""
        return None if chance < self._missing else self._values[bisect(self._cuts, normal)]


def correlate(fields: Sequence[Spread], columns: Sequence[Sequence[float | None]]) -> Matrix:
    """Return the correlations of the fields' normal variables, from the patients with both values measured.

    Ties reduce a covariance: by Mehler's formula, that of the scores is the correlation of the normal variables times
    both variances, except for terms of higher order. So it is divided by both variances.
    """
    scored = [
        [None if value is None else field.scores[value] for value in column]
        for field, column in zip(fields, columns, strict=True)
    ]
    matrix = [[float(row == column) for column in range(len(fields))] for row in range(len(fields))]
    for row, one in enumerate(fields):
        for column, other in enumerate(fields[:row]):
            both = [x * y for x, y in zip(scored[row], scored[column], strict=True) if x is not None and y is not None]
            if both and one.variance and other.variance:  # a field with one value correlates with no other
                found = sum(both) / len(both) / (one.variance * other.variance)
                matrix[row][column] = matrix[column][row] = found
    return matrix


def factorize(matrix: Matrix) -> Matrix:
    """Return the Cholesky factor of the matrix: the lower triangle that gives independent normals these correlations.

    Raises BadTable if the matrix is not positive definite, as may happen with a handful of patients.
    """
    lower = [[0.0] * len(matrix) for _ in matrix]
    for row, values in enumerate(matrix):
        for column in range(row + 1):
            rest = values[column] - sum(map(mul, lower[row][:column], lower[column][:column]))
            if row == column and rest <= 0:
                raise BadTable(TOO_FEW)
            lower[row][column] = math.sqrt(rest) if row == column else rest / lower[column][column]
    return lower
