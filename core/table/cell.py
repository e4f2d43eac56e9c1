"""The cell of a CSV: its quotes, its value, and how it is made safe for a spreadsheet.

Cells are read as Python's csv module reads them, but in bytes: only a quote that is a cell's first byte opens it, a
doubled quote within is one quote, and bytes after the closing quote belong to the cell as they are.
"""

import re

QUOTED = rb'"[^"]*+(?:""[^"]*+)*+"?+'
"""Pattern of a quoted cell, from its opening to its closing quote, or to the end of the data."""

NULLS = frozenset({b"", b"na", b"n/a", b"nan", b"null"})
"""The texts that mean "not measured", in lower case."""

NUMBER = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""Matches a whole decimal number, such as 63, -0.5, .5 or 6.3e1."""

_QUOTED = re.compile(QUOTED)


def read_cell(cell: bytes) -> float | str | None:
    """Return the value of a cell: a number, a text, or None if it is missing.

    Quotes are removed, then surrounding spaces and tabs. A decimal number such as 63, 63.0 or 6.3e1 is a number, quoted
    or not; `NULLS`, in upper or lower case, are None; all else is text.
    """
    text = unquote(cell).strip(b" \t")
    if text.lower() in NULLS:
        return None
    return float(text) if NUMBER.fullmatch(text) else text.decode(errors="replace")


def unquote(cell: bytes) -> bytes:
    """Return the text of a cell without its quotes."""
    if not (quoted := _QUOTED.match(cell)):
        return cell
    inside = quoted[0][1:].removesuffix(b'"') if is_closed(quoted[0]) else quoted[0][1:]
    return inside.replace(b'""', b'"') + cell[quoted.end() :]


def is_closed(quoted: bytes) -> bool:
    """Whether a match of `QUOTED` ends with its closing quote."""
    return quoted.count(b'"') % 2 == 0


def quote(text: str, delimiter: str) -> str:
    """Return a text as a cell, quoted if necessary."""
    if any(mark in text for mark in (delimiter, '"', "\n", "\r")):
        return '"' + text.replace('"', '""') + '"'
    return text


def defuse(rows: bytes, delimiter: str) -> bytes:
    """Return whole rows of a CSV, changed so that a spreadsheet runs no cell as a formula.

    A cell that `may_run` is quoted, with an apostrophe before its text; every other byte stays.
    """
    mark = re.escape(delimiter.encode())
    end = rb"[^" + mark + rb"\n]*?(?=" + mark + rb"|\r?\n|\r?\Z)"
    bare = rb"[" + _MAY_BEGIN + rb"](?<!" + mark + rb"|\n)(?<!\r(?=\n|\Z))" + end
    cell = re.compile(rb"(?<![^" + mark + rb"\n])(?:" + QUOTED + end + rb"|" + bare + rb")")
    return cell.sub(_defuse_cell, rows)


def may_run(text: bytes) -> bool:
    """Whether a spreadsheet may take the text of a cell for a formula.

    A formula begins with `=`, `+`, `-` or `@`, also in full or small width. Invisible characters before it count as
    absent, since a spreadsheet or a program before it may drop them. Text that begins with a tab or a line end is not
    trusted either. A plain number, even between spaces, is no formula. Source: OWASP, "CSV Injection".
    """
    return bool(_FORMULA.match(text.decode(errors="replace"))) and not NUMBER.fullmatch(text.strip(b" "))


_UNSEEN = r"\s\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff"
_SIGNS = r"-=+@\uff0d\uff1d\uff0b\uff20\ufe63\ufe66\ufe62\ufe6b"  # the four as they are, in full and in small width
_FORMULA = re.compile(rf"[\t\r\n]|[{_UNSEEN}]*[{_SIGNS}]")
_MAY_BEGIN = rb"-=+@\x00-\x20\x7f\xc2\xe1-\xe3\xef"
"""Character class of the first bytes that `_FORMULA` can match; a little too wide, but few cells begin so."""


def _defuse_cell(found: re.Match[bytes]) -> bytes:
    text = unquote(found[0])
    return b"\"'" + text.replace(b'"', b'""') + b'"' if may_run(text) else found[0]
