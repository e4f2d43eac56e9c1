"""Verdicts: what a model says of many patients, in columns."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Kind = tuple[int, int, tuple[str, ...]]
"""What a score says besides the risk, as in `contract.score.ScoreRow`: prediction, conformal set, warnings."""


class Verdicts(NamedTuple):
    """What is said of n patients: `risk` float64 (n,), and `kind` intp (n,), the place of all else in `kinds`."""

    risk: NDArray[np.float64]
    kind: NDArray[np.intp]
    kinds: list[Kind]


def sort_kinds(
    predicted: NDArray[np.integer],
    ruled_out: NDArray[np.integer],
    outside: NDArray[np.bool_],
    warnings: tuple[str, ...],
) -> tuple[NDArray[np.intp], list[Kind]]:
    """Return the place of each patient's kind, as intp (n,), among the kinds that occur, which come with it.

    `predicted` and `ruled_out` are (n,) and as in a `ScoreRow`; `outside` is (w, n), whether each warning is due.
    """
    number = predicted + 2 * ruled_out.astype(np.intp)
    for bit, due in enumerate(outside, start=3):
        number += due.astype(np.intp) << bit
    occurring = np.flatnonzero(np.bincount(number))
    places = np.zeros(occurring.max(initial=0) + 1, np.intp)
    places[occurring] = np.arange(len(occurring))
    kinds = [
        (kind & 1, kind >> 1 & 3, tuple(word for bit, word in enumerate(warnings, start=3) if kind >> bit & 1))
        for kind in occurring.tolist()
    ]
    return places[number], kinds
