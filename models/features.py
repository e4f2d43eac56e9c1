"""The features: how records become a matrix, the same in training and in serving."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.schema.field import Category, Measure
from core.schema.patient import COLUMNS, fields_of_patient

UNUSED = ("chol",)
"""Fields that are accepted and not used: in cross-validation, cholesterol adds nothing to the others."""

MEASURES: tuple[str, ...] = tuple(
    name for name, field in fields_of_patient().items() if isinstance(field, Measure) and name not in UNUSED
)
"""The measures, which are used as they are, in their own units. They come first in `FEATURES`."""

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
    """Return n rows of checked records, each in the order of `COLUMNS`, as the (n, d) matrix that a model reads.

    Column j is named by `FEATURES[j]`: a measure in its unit, or 1 if the record has that code, else 0. A category that
    was not measured, None or NaN, is 0 in all of its columns, and so adds nothing to the log-odds. Raises ValueError
    if rows and `COLUMNS` differ in length.
    """
    # numpy reads None as NaN here, and NaN equals no code, so a missing category stays at zero.
    values = np.array(rows, dtype=np.float32).reshape(len(rows), len(COLUMNS))
    matrix = values.take(_SOURCE, axis=1)
    codes = matrix[:, len(MEASURES) :]
    np.equal(codes, _CODE, out=codes, casting="unsafe")  # in place: a second matrix would double the time
    return matrix
