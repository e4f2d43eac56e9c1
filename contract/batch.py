"""The batch: a file of patients, how far it is, and what came of it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Describe

from contract.job import JobError, State


class Counts(BaseModel):
    """How much of a batch is done; a row is in `scored` or in `rejected`, and in one of them once."""

    model_config = ConfigDict(frozen=True)

    rows: Annotated[int, Describe(ge=0, description="Rows looked at so far.")]
    scored: Annotated[int, Describe(ge=0, description="Rows with a score, in the results.")]
    rejected: Annotated[int, Describe(ge=0, description="Rows with an error, in the errors.")]
    parts: Annotated[int, Describe(ge=1, description="Parts that the file was cut into.")]
    parts_done: Annotated[int, Describe(ge=0, description="Parts of which every row is done.")]


class Batch(BaseModel):
    """A batch as its submitter sees it; times are UTC."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    state: State
    counts: Counts
    bytes: Annotated[int, Describe(ge=0, description="Size of the file, uncompressed.")]
    rows_per_s: Annotated[float | None, Describe(description="Rows done a second since the first part began.")] = None
    ends_about: Annotated[datetime | None, Describe(description="When it will have ended at that rate.")] = None
    accepted_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: JobError | None = None
    links: dict[str, str]


class NewPart(BaseModel):
    """A part of a file that lies in the store: its place in the file, and where in the file it begins."""

    model_config = ConfigDict(frozen=True)

    number: Annotated[int, Describe(ge=1)]
    first_line: Annotated[int, Describe(ge=1, description="Physical line of the file that it begins at.")]
    lines: Annotated[int, Describe(ge=1, description="Line feeds in it.")]


class DonePart(BaseModel):
    """What came of a part: rows, and the sizes in bytes of the two objects that hold its results and its errors."""

    model_config = ConfigDict(frozen=True)

    rows: int
    scored: int
    rejected: int
    results_bytes: int
    errors_bytes: int
