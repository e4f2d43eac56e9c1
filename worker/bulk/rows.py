"""The rows of a part: where each row, and each cell of a CSV, begins and ends."""

import re
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from core.table.cell import QUOTED, is_closed

NEWLINE, CARRIAGE_RETURN, QUOTE, NUL = b'\n\r"\0'

REASONS = ("", "not_utf8", "nul", "ragged", "unclosed_quote")
"""The codes with which a whole row is refused; the first means that it is not."""

Places = NDArray[np.integer]
"""Offsets of bytes in a part, or indices of rows among its rows."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The n rows of a part. Empty lines are no rows.

    Row i is `data[starts[i] : ends[i]]`, without its line ending, which is CRLF if `crlf[i]`. `data` ends with a line
    ending; one is added if the part has none. In a CSV, row i has `widths[i]` cells, and cell j of it ends at
    `separators[firsts[i] + j]`; in other files a row is one cell. `unclosed` is whether the last cell's quote is open.
    """

    data: bytes
    starts: Places
    ends: Places
    crlf: NDArray[np.bool_]
    separators: Places
    firsts: Places
    widths: Places
    unclosed: bool

    def __len__(self) -> int:
        return len(self.starts)

    def cells(self, column: int, width: int, rows: Places) -> tuple[Places, Places]:
        """Return where the cells of a column begin and end in the given rows, each of which has `width` cells."""
        ends = self.ends[rows] if column == width - 1 else self.separators[self.firsts[rows] + column]
        starts = self.starts[rows] if column == 0 else self.separators[self.firsts[rows] + column - 1] + 1
        return starts, ends

    def cells_of(self, row: int) -> list[bytes]:
        """Return the cells of one row."""
        first, width = self.firsts[row], self.widths[row]
        between = self.separators[first : first + width - 1].tolist()
        starts, ends = (int(self.starts[row]), *(end + 1 for end in between)), (*between, int(self.ends[row]))
        return [self.data[start:end] for start, end in zip(starts, ends, strict=True)]

    def slices(self, starts: Places, ends: Places) -> list[bytes]:
        """Return the bytes from each start to its end."""
        data = self.data
        return [data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def cut_rows(data: bytes, delimiter: str = "") -> Rows:
    """Return the rows of a part, and their cells if there is a delimiter, that is, for a CSV.

    A row ends at a line feed outside quoted cells; only a CSV has quotes. A part is smaller than 2 GiB.
    """
    if not data.endswith(b"\n"):
        data += b"\n"
    text = np.frombuffer(data, np.uint8)
    ends_cell = text == NEWLINE
    if delimiter:
        ends_cell |= text == ord(delimiter)
    unclosed = False
    if delimiter and b'"' in data:
        quoted, unclosed = find_quoted(data, delimiter)
        ends_cell &= ~quoted
        ends_cell[-1] = True  # a quote that is never closed ends with the part
    # int32 is half as wide as numpy's default: there may be as many separators as bytes.
    separators = np.flatnonzero(ends_cell).astype(np.int32)
    lasts = np.flatnonzero(text[separators] == NEWLINE).astype(np.int32)
    ends, firsts = separators[lasts], np.append(np.int32(0), lasts[:-1] + 1)
    starts = np.append(np.int32(0), ends[:-1] + 1)
    crlf = (ends > starts) & (text[ends - 1] == CARRIAGE_RETURN)
    ends = ends - crlf
    full = ends > starts
    if full.all():
        return Rows(data, starts, ends, crlf, separators, firsts, lasts - firsts + 1, unclosed)
    starts, ends, crlf, firsts, lasts = (each[full] for each in (starts, ends, crlf, firsts, lasts))
    return Rows(data, starts, ends, crlf, separators, firsts, lasts - firsts + 1, unclosed)


def find_quoted(data: bytes, delimiter: str) -> tuple[NDArray[np.bool_], bool]:
    """Return which bytes are in a quoted cell, as bool (bytes,), and whether the last such cell is never closed.

    `data` must end with a line feed. For the quotes themselves the array may hold either value.
    """
    text = np.frombuffer(data, np.uint8)
    quotes = text == QUOTE
    quote_places = np.flatnonzero(quotes)
    # A carriage return counts as in `core.table.splitter`, so that both find the same ends of rows.
    begins = b"\r\n" + delimiter.encode()
    if not text[quote_places[::2] - 1].tobytes().translate(None, begins + b'"'):
        # Each of these quotes opens a cell or doubles the quote before it, so quotes alternately open and close.
        return np.logical_xor.accumulate(quotes), len(quote_places) % 2 == 1
    opening = rb'"(?<![^' + re.escape(begins) + rb']")'
    spans = (found.span() for found in re.finditer(opening + QUOTED[1:], data))
    bounds = np.fromiter(chain.from_iterable(spans), np.intp)
    steps = np.zeros(len(data) + 1, np.int8)
    steps[bounds[0::2]] = 1
    steps[bounds[1::2]] = -1
    quoted = np.cumsum(steps, out=steps)[:-1].view(np.bool_)
    return quoted, len(bounds) > 0 and not is_closed(data[bounds[-2] : bounds[-1]])


def refuse_rows(rows: Rows, width: int = 0) -> NDArray[np.uint8]:
    """Return, for each of the n rows, the index in `REASONS` of why the whole row is refused, as uint8 (n,).

    Each row must have `width` cells; 0 allows any number.
    """
    reasons = np.zeros(len(rows), np.uint8)
    if not rows.data.isascii():
        reasons[find_undecodable(rows)] = REASONS.index("not_utf8")
    if b"\0" in rows.data:
        nuls = np.flatnonzero(np.frombuffer(rows.data, np.uint8) == NUL)
        reasons[np.searchsorted(rows.starts, nuls, side="right") - 1] = REASONS.index("nul")
    if width:
        reasons[rows.widths != width] = REASONS.index("ragged")
    if rows.unclosed:
        reasons[-1] = REASONS.index("unclosed_quote")
    return reasons


def find_undecodable(rows: Rows) -> list[int]:
    """Return the indices of the rows that are not UTF-8."""
    try:
        rows.data.decode()
    except UnicodeDecodeError:
        return [place for place, row in enumerate(rows.slices(rows.starts, rows.ends)) if not is_utf8(row)]
    return []


def is_utf8(text: bytes) -> bool:
    """Whether the bytes are UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
