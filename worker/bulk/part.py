"""Scores one part of a file: bytes in, bytes out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.ledger.batch import Form, Format
from models.features import to_matrix
from models.scorer import Predictions
from worker.bulk.errors import write_errors
from worker.bulk.objects import check_objects, write_objects
from worker.bulk.rows import cut_rows
from worker.bulk.table import check_table, write_table

BLOCK_ROWS = 16_384  # keeps intermediate arrays small, and in the CPU's cache


class Predictor(Protocol):
    """Scores many records into columns, as `models.scorer.Scorer` does."""

    @property
    def version(self) -> str:
        """The model version that every score names."""

    def predict(self, matrix: NDArray[np.float32]) -> Predictions:
        """Return the predictions for the n rows of the (n, d) float32 matrix, in their order."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The result of a part of `rows` rows: each was scored, or was refused and is in the errors.

    `errors` is lines of JSON with `line`, `column`, `code` and `message`, in the order of rows; it never shows a value.
    """

    errors: bytes
    rows: int
    scored: int

    @property
    def rejected(self) -> int:
        """How many rows were refused."""
        return self.rows - self.scored


def score_part(
    data: bytes, form: Form, first_line: int, predictor: Predictor, write_block: Callable[[bytes], object]
) -> Scored:
    """Score the rows of a part; return how many there are, and the errors of those that cannot be scored.

    The scored rows, in order and each with a line ending, are passed to `write_block` in blocks of at least one row.

    The part holds whole rows, without the header; `first_line` is the number, from 1, of its first line in the user's
    file. The same part always gives the same bytes. Raises what `predictor` raises.
    """
    is_csv = form.format is Format.CSV
    rows = cut_rows(data, form.delimiter if is_csv else "")
    patients = (check_table if is_csv else check_objects)(rows, form)
    write = write_table if is_csv else write_objects
    for start in range(0, len(patients.places), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        predictions = predictor.predict(to_matrix(patients.values[block]))
        write_block(write(rows, patients.places[block], predictions, form, predictor.version))
    errors = write_errors(rows, patients.faults, first_line)
    return Scored(errors, len(rows), len(patients.places))
