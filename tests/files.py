"""Files of patients for tests, and a judge that can be checked by hand."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from core.ledger.batch import Form, Format
from core.schema.patient import COLUMNS, EXAMPLE
from models.features import FEATURES
from models.scorer import Predictions
from worker.bulk.part import Scored, score_part

EXAMPLES = int(os.environ.get("SCORELINE_TEST_EXAMPLES", "150"))
"""How many examples each property of files is held to; `make check` is quick with the default."""

NAMES = ("id", *COLUMNS, "note")
CSV = Form(Format.CSV, NAMES)
JSONL = Form(Format.JSONL)
PATIENT: dict[str, object] = {"id": "p1", **EXAMPLE, "chol": 233, "note": ""}
TAIL = b"0.283333333,no disease,disease|no disease,,by-age"


class ByAge:
    """Says that the risk is age / 120, of which 0.5 is disease; the set is both, or of 90 years on disease alone."""

    version = "by-age"

    def predict(self, matrix: NDArray[np.float32]) -> Predictions:
        """Return age / 120 for each row, with a warning from 78 years on."""
        age = matrix[:, FEATURES.index("age")].astype(np.float64)
        kind = (age >= 60).astype(np.intp) + (age >= 78) + (age >= 90)
        warned = ("extrapolating: age", 'extrapolating: all; "more"')
        return Predictions(np.round(age / 120, 9), kind, [(0, 0, ()), (1, 0, ()), (1, 0, warned[:1]), (1, 2, warned)])


def csv_row(ending: bytes = b"\n", delimiter: str = ",", **cells: object) -> bytes:
    """Return a row of the example patient, some of whose cells stand as they are given."""
    return delimiter.join(str((PATIENT | cells)[name]) for name in NAMES).encode() + ending


class ScoredRows(NamedTuple):
    """What became of a part, with the rows that were scored."""

    output: bytes
    errors: bytes
    rows: int
    scored: int
    rejected: int


def score(data: bytes, form: Form = CSV, first_line: int = 2) -> ScoredRows:
    """Return the part scored by age."""
    blocks: list[bytes] = []
    found = score_part(data, form, first_line, ByAge(), blocks.append)
    return ScoredRows(b"".join(blocks), found.errors, found.rows, found.scored, found.rejected)


def told(scored: Scored | ScoredRows) -> list[tuple[int, str | None, str, str]]:
    """Return line, column, code and message of each error."""
    errors = [from_json(line) for line in scored.errors.splitlines()]
    return [(error["line"], error["column"], error["code"], error["message"]) for error in errors]


def faults(scored: Scored | ScoredRows) -> Sequence[tuple[int, str | None, str]]:
    """Return line, column and code of each error."""
    return [error[:3] for error in told(scored)]
