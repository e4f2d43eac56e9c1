"""The batch: a file of records, its format, its progress, and the columns that its results add."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic import Field as Describe

from core.ledger.job import JobError, State

SCORE_COLUMNS = ("risk", "prediction", "conformal", "warnings", "model_version")
"""The columns, or keys, that results add to each row. A file that has one of them already cannot be scored."""


SEVERAL = "|"
"""Separates the items of a conformal set, or of the warnings, within one cell."""


class Format(StrEnum):
    """How a file is written."""

    CSV = "csv"  # RFC 4180, with a header
    JSONL = "jsonl"  # one JSON object a line
    PARQUET = "parquet"  # of results alone


class Join(StrEnum):
    """What stands before the added columns in each row of the output."""

    INPUT = "input"  # the row as it was sent, byte for byte
    IDS = "ids"  # only its id


@dataclass(frozen=True, slots=True)
class Form:
    """The format of one file and of its output, fixed when the file is accepted.

    For a CSV, `columns` are the header's names in order: each required field of `Patient` once, none of
    `SCORE_COLUMNS`. `delimiter` is one ASCII character. `id_column` is not a field of `Patient`; `Join.IDS` needs it,
    as one of the columns. `model_version` is the only version that may score the file; empty for any.
    """

    format: Format
    columns: tuple[str, ...] = ()
    delimiter: str = ","
    join: Join = Join.INPUT
    id_column: str = ""
    model_version: str = ""

    def to_json(self) -> bytes:
        """Return the form as the ledger stores it."""
        return FORM.dump_json(self)

    @staticmethod
    def from_json(text: bytes) -> "Form":
        """Return the form that the ledger stores."""
        return FORM.validate_json(text)


FORM = TypeAdapter(Form)


BATCHES_FOLDER = "batches"  # the prefix of all objects of batches


def folder_of(id: str) -> str:
    """Return the prefix of all objects of a batch."""
    return f"{BATCHES_FOLDER}/{id}"


def input_key(id: str, number: int) -> str:
    """Return the key of a part's input, as it was sent."""
    return f"{folder_of(id)}/in/{number:06}"


def results_key(id: str, number: int, attempt: str) -> str:
    """Return the key of a part's scored rows, as one attempt wrote them."""
    return f"{folder_of(id)}/results/{number:06}-{attempt}"


def errors_key(id: str, number: int, attempt: str) -> str:
    """Return the key of the errors of a part's rejected rows, as one attempt wrote them."""
    return f"{folder_of(id)}/errors/{number:06}-{attempt}"


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

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

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
    """A part of a file, which is in the store: its number, and the line of the file at which it begins."""

    model_config = ConfigDict(frozen=True)

    number: Annotated[int, Describe(ge=1)]
    first_line: Annotated[int, Describe(ge=1, description="Physical line of the file that it begins at.")]
    lines: Annotated[int, Describe(ge=1, description="Line feeds in it.")]


class DonePart(BaseModel):
    """The result of a part: rows, and the sizes in bytes of the two objects that hold its results and its errors.

    `attempt` ends the keys of both: a worker that scores the part again, perhaps with another model, overwrites
    nothing.
    """

    model_config = ConfigDict(frozen=True)

    rows: int
    scored: int
    rejected: int
    results_bytes: int
    errors_bytes: int
    attempt: str
