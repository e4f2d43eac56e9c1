"""Patients who never were: drawn from a Gaussian copula, fitted to the table for each outcome by itself.

Behind each field stands a standard normal variable, and the thirteen are correlated; where one lies among its cuts says
which of the table's values the patient has. So a field takes the table's own values at the table's own rates, while
the patients as a whole are new. A category counts by the order of its codes.

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
    """Draws patients like those of the cases, and as often diseased.

    Raises BadTable where the diseased, or the others, are too few to fit.
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        self._share = sum(case.disease for case in cases) / max(1, len(cases))
        self._kinds = {
            disease: Kind([case.patient.to_row() for case in cases if case.disease is disease])
            for disease in (True, False)
        }

    def draw(self, rng: random.Random) -> Case:
        """Return one more patient and what the angiogram will show; takes some 50 us."""
        disease = rng.random() < self._share
        row = self._kinds[disease].draw(rng)
        return Case(Patient.model_validate(dict(zip(COLUMNS, row, strict=True))), disease)


class Kind:
    """The patients of one outcome: how each field is spread, and how the fields go together."""

    def __init__(self, rows: Sequence[Row]) -> None:
        columns = list(zip(*rows, strict=True))
        if not columns or any(all(value is None for value in column) for column in columns):
            raise BadTable(TOO_FEW)
        self._fields = [Spread(column) for column in columns]
        self._mixing = factorize(correlate(self._fields, columns))

    def draw(self, rng: random.Random) -> Row:
        """Return the values of one more patient."""
        noise = [rng.gauss(0, 1) for _ in self._fields]
        return tuple(
            field.value_at(sum(map(mul, weights, noise)), rng.random())
            for field, weights in zip(self._fields, self._mixing, strict=True)
        )


class Spread:
    """The values of one field, and the cuts between them on a standard normal axis.

    The `scores` say where a value lies there: the mean of the normal variable between the value's two cuts. `variance`
    is theirs, at most 1: the fewer values a field has, the less of the normal variable is left in it.
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
        """Return the value at this place of the axis; None, at the table's rate, if `chance`, 0 to 1, will have it."""
        return None if chance < self._missing else self._values[bisect(self._cuts, normal)]


def correlate(fields: Sequence[Spread], columns: Sequence[Sequence[float | None]]) -> Matrix:
    """Return how the normal variables behind the fields are correlated, from where both values were measured.

    Ties hide part of a correlation. That of the scores is the normal variables' own times both variances, but for terms
    of higher order: so says Mehler's formula, and so it is divided by them.
    """
    scored = [
        [None if value is None else field.scores[value] for value in column]
        for field, column in zip(fields, columns, strict=True)
    ]
    matrix = [[float(row == column) for column in range(len(fields))] for row in range(len(fields))]
    for row, one in enumerate(fields):
        for column, other in enumerate(fields[:row]):
            both = [x * y for x, y in zip(scored[row], scored[column], strict=True) if x is not None and y is not None]
            if both and one.variance and other.variance:  # a field of one value goes with no other
                found = sum(both) / len(both) / (one.variance * other.variance)
                matrix[row][column] = matrix[column][row] = found
    return matrix


def factorize(matrix: Matrix) -> Matrix:
    """Return the lower triangle that makes independent normal variables so correlated (its Cholesky factor).

    Raises BadTable where the correlations contradict each other, as those of a handful of patients may.
    """
    lower = [[0.0] * len(matrix) for _ in matrix]
    for row, values in enumerate(matrix):
        for column in range(row + 1):
            rest = values[column] - sum(map(mul, lower[row][:column], lower[column][:column]))
            if row == column and rest <= 0:
                raise BadTable(TOO_FEW)
            lower[row][column] = math.sqrt(rest) if row == column else rest / lower[column][column]
    return lower
