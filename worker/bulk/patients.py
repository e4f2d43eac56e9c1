"""The patients of a part: what either kind of file comes to."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.bulk.errors import Fault
from worker.bulk.rows import Places


class Patients(NamedTuple):
    """The m rows that are patients, and what is wrong with the others.

    `places` is intp (m,), their places among the rows; `values` float32 (m, f), in the order of `COLUMNS`, NaN where
    missing. `faults` are in the order of the rows.
    """

    places: Places
    values: NDArray[np.float32]
    faults: list[Fault]
