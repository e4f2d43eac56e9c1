"""The errors of a part: one line for each fault of a row, which never shows a value."""

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from pydantic_core import to_json

from worker.bulk.rows import NEWLINE, Places, Rows

LISTED = 100_000
"""The most faults that are listed for one part: a fault takes far more bytes than the cell that causes it."""

FaultText = tuple[str | None, str, str]
"""Column, code and message of a fault of a row; the column is None if it is the whole row."""

Fault = tuple[int, str | None, str, str]
"""The index of a row, and its fault."""

UNLISTED: FaultText = (None, "unlisted", "too much is wrong with this part: from this row on, rows are only counted")


def list_first(faults: Iterable[Fault]) -> list[Fault]:
    """Return the faults, which are in the order of rows, up to the row with which they exceed `LISTED`."""
    listed = list[Fault]()
    for fault in faults:
        if len(listed) >= LISTED and fault[0] != listed[-1][0]:
            return [*listed, (fault[0], *UNLISTED)]
        listed.append(fault)
    return listed


def write_errors(rows: Rows, faults: Sequence[Fault], first_line: int) -> bytes:
    """Return the faults, which are in the order of rows, as lines of JSON: line, column, code, message.

    `line` is the line of the user's file on which the row begins; `first_line` is that of the part.
    """
    lines = find_lines(rows, np.array([fault[0] for fault in faults], np.intp), first_line)
    render = cache(_to_json)
    return b"".join(b'{"line":%d,%b' % (line, render(*fault[1:])) for line, fault in zip(lines, faults, strict=True))


def find_lines(rows: Rows, places: Places, first_line: int) -> Sequence[int]:
    """Return the number of the line on which each of the rows begins."""
    if not len(places):
        return ()
    newlines = np.flatnonzero(np.frombuffer(rows.data, np.uint8) == NEWLINE)
    lines: list[int] = (first_line + np.searchsorted(newlines, rows.starts[places])).tolist()
    return lines


def _to_json(column: str | None, code: str, message: str) -> bytes:
    return to_json({"column": column, "code": code, "message": message})[1:] + b"\n"
