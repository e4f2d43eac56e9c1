"""What the file formats share: the checked patients of a part, and how risks and rows are written as bytes."""

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.bulk.errors import Fault
from worker.bulk.rows import Places

_DIGITS = 9
_GROUPS = np.array([list(b"%03d" % number) for number in range(1000)], dtype=np.uint8)


class Patients(NamedTuple):
    """The m rows that are valid patients, and the faults of the others.

    `places` is intp (m,), their indices among the rows; `values` is float32 (m, f), in the order of `COLUMNS`, NaN if
    missing. `faults` are in the order of rows.
    """

    places: Places
    values: NDArray[np.float32]
    faults: list[Fault]


def interleave(*columns: Iterable[bytes]) -> bytes:
    """Return the bytes of the columns, row by row. Raises ValueError unless all are of one length."""
    return b"".join(chain.from_iterable(zip(*columns, strict=True)))


def write_risks(risk: NDArray[np.float64], before: bytes) -> list[bytes]:
    """Return each risk, 0..1, as text with one to nine decimals, preceded by the bytes `before`."""
    number = np.rint(risk * 10**_DIGITS).astype(np.int64)
    text = np.empty((len(risk), len(before) + 2 + _DIGITS), np.uint8)
    text[:, : len(before)] = np.frombuffer(before, np.uint8)
    digits = text[:, len(before) :]
    digits[:, 0] = number // 10**_DIGITS + ord("0")
    digits[:, 1] = ord(".")
    for place in range(0, _DIGITS, 3):
        digits[:, 2 + place : 5 + place] = _GROUPS[number // 10 ** (_DIGITS - 3 - place) % 1000]
    # numpy drops trailing NUL bytes when it converts to bytes.
    needless = np.ones(len(risk), np.bool_)
    for place in range(_DIGITS + 1, 2, -1):
        needless &= digits[:, place] == ord("0")
        digits[needless, place] = 0
    written: list[bytes] = text.view(f"S{text.shape[1]}").ravel().tolist()
    return written
