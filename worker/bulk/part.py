"""One part of a file, scored: from bytes to bytes."""

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

BLOCK_ROWS = 16_384  # so that what is made on the way stays small, and in the processor's cache


class Predictor(Protocol):
    """What scores patients in columns: `models.scorer.Scorer`, or any other that keeps this promise."""

    @property
    def version(self) -> str:
        """The version that every score names."""

    def predict(self, matrix: NDArray[np.float32]) -> Predictions:
        """Return what the model says of the (n, d) float32 matrix's n rows, in their order."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What became of a part of `rows` rows: each was scored, or refused and is in the errors.

    `errors` is lines of JSON with `line`, `column`, `code` and `message`, in the order of the rows; it never shows a
    value.
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
    """Score the whole rows that a part holds; return what is wrong with those that cannot be scored.

    The scored rows, in their order and each ended by a line ending, are handed to `write_block` in blocks of at least one.

    The part begins, and ends, between two rows, and without the header; `first_line` is the number in the user's file,
    from 1, of the line that it begins with. The same part always gives the same bytes. Raises what the judge raises.
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
