"""The features: the one road from patients to numbers, taken in training and in serving alike."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.schema.field import Category, Measure
from core.schema.patient import COLUMNS, fields_of_patient

UNUSED = ("chol",)
"""Fields that are accepted and not used: cross-validated, cholesterol adds nothing to the others."""

MEASURES: tuple[str, ...] = tuple(
    name for name, field in fields_of_patient().items() if isinstance(field, Measure) and name not in UNUSED
)
"""The measures, which enter as they are, in their own units. They come first in `FEATURES`."""

_CODES = tuple(
    (name, code, label)
    for name, field in fields_of_patient().items()
    if isinstance(field, Category)
    for code, label in field.names.items()
)

FEATURES: tuple[str, ...] = MEASURES + tuple(f"{name}={label}" for name, _, label in _CODES)
"""The names of the matrix's d columns: the measures, then one column for every code of every category."""

_SOURCE = np.array([COLUMNS.index(name) for name in (*MEASURES, *(name for name, _, _ in _CODES))])
_CODE = np.array([code for _, code, _ in _CODES], dtype=np.float32)


def to_matrix(rows: Sequence[Sequence[float | None]] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Return n rows of checked patients, each in the order of `COLUMNS`, as the (n, d) matrix a model reads.

    Column j is named by `FEATURES[j]`: a measure in its unit, or 1 where the patient has that code and else 0.
    A category that was not measured is 0 in all of its columns: it says nothing, and so adds nothing to the
    log-odds; in an array, it is NaN. Raises ValueError for rows of another length than `COLUMNS`.
    """
    # numpy reads None as NaN here, and NaN equals no code: that is what leaves a missing category at zero.
    values = np.array(rows, dtype=np.float32).reshape(len(rows), len(COLUMNS))
    matrix = values.take(_SOURCE, axis=1)
    codes = matrix[:, len(MEASURES) :]
    np.equal(codes, _CODE, out=codes, casting="unsafe")  # in place: a second matrix would halve the speed
    return matrix
