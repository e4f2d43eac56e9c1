"""The table that patients are drawn from: 303 real ones, with what their angiogram showed."""

import csv
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from contract.errors import BadTable
from contract.patient import COLUMNS, Patient

TABLE = Path(__file__).resolve().parent.parent / "training" / "data" / "cleveland.csv"
TARGET = "target"


@dataclass(frozen=True)
class Case:
    """A patient, and whether the angiogram showed the disease."""

    patient: Patient
    disease: bool


def read_cases(path: Path = TABLE) -> list[Case]:
    """Return the patients in the CSV file at `path`, in its order; an empty cell means not measured.

    Raises BadTable, which names the line and never a value.
    """
    try:
        with path.open(newline="") as file:
            return [to_case(line, path, number) for number, line in enumerate(csv.DictReader(file), start=2)]
    except OSError as error:
        raise BadTable(f"{path} cannot be read ({error.strerror}).") from error


def to_case(line: dict[str, str], path: Path, number: int) -> Case:
    """Return the case that a line of the table holds. Raises BadTable."""
    try:
        values = {name: float(line[name]) if line[name] else None for name in COLUMNS}
        return Case(Patient.model_validate(values), disease={"0": False, "1": True}[line[TARGET]])
    except (ValidationError, KeyError, TypeError, ValueError):  # the cause would carry the patient's values
        raise BadTable(f"{path}, line {number}: is not a patient with a target of 0 or 1.") from None
