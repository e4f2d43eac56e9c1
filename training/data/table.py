"""The training table: patients whose angiogram is known, read and checked."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from core.errors import BadTable
from core.schema.patient import COLUMNS, Patient, Row, fields_of_patient

TABLE = Path(__file__).parent / "cleveland.csv"
"""The committed table."""

TARGET = "target"
"""The column that says what the angiogram showed: 1 for more than 50 % narrowing of a major vessel, else 0."""


@dataclass(frozen=True)
class Table:
    """Patients and what was found.

    `rows` holds n patients, `outcome` is bool (n,) with True for disease, and `sha256` is of the file's bytes.
    """

    rows: tuple[Row, ...]
    outcome: NDArray[np.bool_]
    sha256: str


def read_table(path: Path) -> Table:
    """Return the table in the CSV file at `path`, every row of which is a valid patient.

    Raises BadTable for a file that is not there, other columns, a value that no patient has, a target that is
    not 0 or 1, a row that appears twice, or a target that is inverted.
    """
    try:
        raw = path.read_bytes()
        frame = pd.read_csv(io.BytesIO(raw))
    except (OSError, ValueError) as error:
        raise BadTable(f"{path} cannot be read as a CSV file; `python -m training table` makes it anew.") from error
    if tuple(frame.columns) != (*COLUMNS, TARGET):
        raise BadTable(f"{path} must have the columns {', '.join((*COLUMNS, TARGET))}, in this order.")
    rows = tuple(parse_rows(frame[list(COLUMNS)], path))
    if not set(frame[TARGET]) == {0, 1}:
        raise BadTable(f"{path}, column {TARGET}: must be 1 for disease and 0 for none, and hold both.")
    table = Table(rows, frame[TARGET].to_numpy() == 1, hashlib.sha256(raw).hexdigest())
    check_duplicates(frame, path)
    check_direction(table, path)
    return table


def parse_rows(frame: pd.DataFrame, path: Path) -> Iterator[Row]:
    """Yield a row for each line of `frame`; an empty cell is None. Raises BadTable at the first invalid patient."""
    # Text in a column of numbers becomes NaN, which `Patient` refuses; an empty cell becomes None, "not measured".
    numbers = frame.apply(pd.to_numeric, errors="coerce").astype(object).where(frame.notna(), None)
    for line, patient in enumerate(numbers.to_dict("records"), start=2):
        try:
            yield Patient.model_validate(patient).to_row()
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            # `from None`: the cause would carry the patient's values into a traceback.
            raise BadTable(f"{path}, line {line}, column {first['loc'][0]}: {first['msg']}.") from None


def check_duplicates(frame: pd.DataFrame, path: Path) -> None:
    """Raise BadTable if a patient appears twice: they could be learned from and scored, which flatters a model."""
    lines = np.flatnonzero(frame.duplicated(list(COLUMNS))) + 2
    if lines.size:
        raise BadTable(f"{path}, line {lines[0]}: repeats an earlier line; every patient must appear once.")


def check_direction(table: Table, path: Path) -> None:
    """Raise BadTable if the target is inverted, as it is in `heart.csv`.

    Patients sent to an angiogram without chest pain were sent for another strong reason: in this table 73 % of
    them have the disease, against 21 % of the others.
    """
    code, cp = fields_of_patient()["cp"].parse("asymptomatic"), COLUMNS.index("cp")
    asymptomatic = np.array([row[cp] == code for row in table.rows])
    if table.outcome[asymptomatic].mean() <= table.outcome[~asymptomatic].mean():
        raise BadTable(f"{path}, column {TARGET}: looks inverted; 1 must mean disease (in `heart.csv` it means none).")
