"""The errors of a part: a line for each thing wrong with a row, which never shows a value."""

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from pydantic_core import to_json

from worker.bulk.rows import NEWLINE, Places, Rows

LISTED_ROWS = 100_000
"""How many refused rows of one part are listed. A row that is refused takes far less to send than to explain."""

UNLISTED = (None, "unlisted", "too many rows of this part are refused: from this one on they are only counted")
"""Column, code and message of the fault that stands for those of all further rows."""

Fault = tuple[int, str | None, str, str]
"""The place of a refused row, the column or None for the whole row, code and message."""


def write_errors(rows: Rows, faults: Iterable[Fault], first_line: int) -> bytes:
    """Return the faults, which are in the order of the rows, as lines of JSON: line, column, code, message.

    `line` is the line of the user's file that the row begins in; the part's own first is `first_line`.
    """
    faults = list(faults)
    lines = find_lines(rows, np.array([fault[0] for fault in faults], np.intp), first_line)
    told = cache(_tell)
    return b"".join(b'{"line":%d,%b' % (line, told(*fault[1:])) for line, fault in zip(lines, faults, strict=True))


def find_lines(rows: Rows, places: Places, first_line: int) -> Sequence[int]:
    """Return the number of the line that each of the rows begins in."""
    if not len(places):
        return ()
    newlines = np.flatnonzero(np.frombuffer(rows.data, np.uint8) == NEWLINE)
    lines: list[int] = (first_line + np.searchsorted(newlines, rows.starts[places])).tolist()
    return lines


def _tell(column: str | None, code: str, message: str) -> bytes:
    return to_json({"column": column, "code": code, "message": message})[1:] + b"\n"
