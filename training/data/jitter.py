"""The jitter: many made-up patients around the real ones, for comparing two models wherever patients may be."""

from collections.abc import Sequence

import numpy as np

from core.schema.field import Measure
from core.schema.patient import Row, fields_of_patient

NOISE = 1.0
"""Standard deviation of the noise on a measure, as a share of the measure's own; wide enough to meet its bounds."""

REDRAWN = 0.2
"""Share of the categories that are drawn anew, from all codes alike and, where it may be, from null."""


def jitter(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """Return `count` valid patients, each one of `rows` with its measures shaken and some categories redrawn.

    The same arguments give the same patients.
    """
    random = np.random.default_rng(seed)
    table = np.array(rows, dtype=np.float64)
    patients = table[random.integers(len(table), size=count)]
    for column, field in enumerate(fields_of_patient().values()):
        values = patients[:, column]
        if isinstance(field, Measure):
            values += random.normal(0, NOISE * np.nanstd(table[:, column]), count)
            values.clip(*field.hard, out=values)
        else:
            codes = [*field.names, np.nan] if field.nullable else list(field.names)
            redrawn = random.random(count) < REDRAWN
            values[redrawn] = random.choice(codes, redrawn.sum())
    return list(map(tuple, np.where(np.isnan(patients), np.array(None), patients).tolist()))
