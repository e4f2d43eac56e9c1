"""The batch: a file of patients, how it is written, and what is added to it."""

from dataclasses import dataclass
from enum import StrEnum

SCORE_COLUMNS = ("risk", "prediction", "conformal", "warnings", "model_version")
"""The columns, or keys, that are added to each row. A file that has one of them already cannot be scored."""


class Format(StrEnum):
    """How a file is written."""

    CSV = "csv"  # RFC 4180, with a header
    JSONL = "jsonl"  # one JSON object a line


class Join(StrEnum):
    """What stands before the added columns in each row of the output."""

    INPUT = "input"  # the row as it was sent, byte for byte
    IDS = "ids"  # its id alone


@dataclass(frozen=True, slots=True)
class Form:
    """How one file is written, and what its output is to hold; settled when the file is taken.

    Of a CSV, `columns` are the header's names in order: each required field of `Patient` once, none of
    `SCORE_COLUMNS`. `delimiter` is one character of ASCII. `id_column` is not a field of `Patient`; it must be given,
    and be one of the columns, for `Join.IDS`.
    """

    format: Format
    columns: tuple[str, ...] = ()
    delimiter: str = ","
    join: Join = Join.INPUT
    id_column: str = ""
