"""The table of 303 real patients from which others are drawn; and the file to which simulated outcomes are written."""

import csv
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from pydantic import ValidationError

from core.errors import BadTable
from core.schema.patient import COLUMNS, Patient

TABLE = Path(__file__).resolve().parent.parent / "training" / "data" / "cleveland.csv"
TARGET = "target"

HEADER = ("job", "disease")


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
    """Return the case in a line of the table. Raises BadTable."""
    try:
        values = {name: float(line[name]) if line[name] else None for name in COLUMNS}
        return Case(Patient.model_validate(values), disease={"0": False, "1": True}[line[TARGET]])
    except (ValidationError, KeyError, TypeError, ValueError):  # the cause would carry the patient's values
        raise BadTable(f"{path}, line {number}: is not a patient with a target of 0 or 1.") from None


class Labels:
    """A CSV of job ids and outcomes, 0 or 1; each is added as soon as it is known. Methods raise OSError."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", newline="", buffering=1)  # line-buffered, so that a reader sees each line at once
        self._writer = csv.writer(self._file, lineterminator="\n")
        if not self._file.tell():
            self._writer.writerow(HEADER)

    def write(self, job: UUID, disease: bool) -> None:
        """Add the outcome of the job's patient."""
        self._writer.writerow((job, int(disease)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._file.close()
