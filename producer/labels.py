"""Labels: what the angiogram shows, written down long after the risk was asked for, as a hospital learns it."""

import csv
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

HEADER = ("job", "disease")


class Labels:
    """A CSV of job ids and outcomes, 0 or 1, to which each is added as soon as it is known. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", newline="", buffering=1)  # a line at a time, for whoever reads along
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
