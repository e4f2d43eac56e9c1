"""What may be asked of a job or a batch beside its patients, and what is told of its progress."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypedDict

from scoreline_client.wire.models import Batch


class JobOptions(TypedDict, total=False):
    """What may be asked of a job."""

    explain: bool
    """Say with each score how its risk comes about."""
    callback_url: str
    """Told, by a signed POST, that the job has ended."""
    cancel_after_s: int
    """The job expires if it is not scored within so many seconds."""
    key: str
    """The Idempotency-Key, if the submit is to be the same as one of another time; else each has a new one."""


class FileOptions(TypedDict, total=False):
    """What may be asked of a batch."""

    format: Literal["csv", "jsonl"]
    """How the file is written; else its name says so, and it is CSV if that says nothing."""
    gzip: bool
    """Whether the file is gzipped; else its name says so."""
    on_error: Literal["skip", "fail"]
    """Whether one row that is no patient fails the batch."""
    error_limit: int
    """More rejected rows than this fail the batch."""
    join: Literal["input", "ids"]
    """What stands before the scores in each row of the results: the row as it was sent, or its id alone."""
    id_column: str
    """The column, or key, of the id."""
    delimiter: str
    """Of a CSV: one of `,` `;` `|` and `tab`; else it is seen in the header."""
    callback_url: str
    """Told, by a signed POST, that the batch has ended."""
    model_version: str
    """The batch fails unless this very model scores it."""
    key: str
    """As of a job."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file is: first its bytes are sent, then its rows are scored."""

    sent_bytes: int
    size_bytes: int | None
    """The size of the file as it is sent; None for one that is read from a pipe."""
    batch: Batch | None
    """The batch as it was last seen, once all of the file is sent."""


OnProgress = Callable[[Progress], object]
"""Called with each step of progress; what it raises ends the call."""
