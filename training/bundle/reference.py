"""The reference: how the training table is spread, for drift to be told from."""

import numpy as np
from numpy.typing import NDArray

from core.schema.field import Field, Measure
from core.schema.patient import COLUMNS, fields_of_patient
from core.schema.reference import MISSING, RISK, Bins, Reference, bin_name
from models.binning import Binning, bins_between, empty_bins
from models.features import UNUSED, to_matrix
from training.data.table import Table

SHARES = np.arange(1, 10) / 10
RISK_EDGES = tuple((np.arange(1, 10) / 10).tolist())

METHOD = (
    "A measure's bins are tenths of the training patients, as far as ties let them be, between the smallest and the "
    "largest value, with one bin more on either side; a category has a bin a code; what may be missing has one for "
    "that. The risks are the unseen ones of the cross-validation in `protocol`, the mean count over its repeats, since "
    "those are what new patients are given; a risk of a training patient by the model itself is surer."
)
"""What the card says of the reference."""


def make_reference(table: Table, risks: NDArray[np.float64]) -> Reference:
    """Return how the table's n patients are spread, and the risks that they were given unseen, (repeats, n)."""
    fields = {name: field for name, field in fields_of_patient().items() if name not in UNUSED}
    empty = {name: bins_of(field, table, name) for name, field in fields.items()} | {RISK: bins_between(RISK_EDGES)}
    reference = Reference(patients=len(table.rows), method=METHOD, features=empty)
    matrix = np.tile(to_matrix(table.rows), (len(risks), 1))
    counts = Binning(reference).count(matrix, risks.ravel())
    filled = {
        name: bins.model_copy(
            update={"counts": tuple(counts.get(bin_name(name, label), 0) / len(risks) for label in bins.labels)}
        )
        for name, bins in empty.items()
    }
    return reference.model_copy(update={"features": filled})


def bins_of(field: Field, table: Table, name: str) -> Bins:
    """Return the empty bins of one field."""
    if not isinstance(field, Measure):
        return empty_bins([*field.names.values(), *([MISSING] if field.nullable else [])])
    place = COLUMNS.index(name)
    values = np.array([row[place] for row in table.rows], np.float64)
    # Values of the table: one between two of them would be no number that a person would write.
    tenths = np.quantile(values, SHARES, method="lower")
    return bins_between(np.unique([values.min(), *tenths, values.max()]).tolist())
