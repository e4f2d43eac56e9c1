"""Cuts a stream of bytes into parts of whole records, as it arrives.

Knows where records end and nothing of what they hold. Pure and synchronous; the searching is done in C.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from core.errors import InvalidFile

PART_BYTES = 4_000_000
SCAN_BYTES = (
    131_072  # looked at in one go, which takes some 3 ms where there are quotes; no record above the limit fits
)
BOM = b"\xef\xbb\xbf"
DELIMITERS = ",;\t|"
UNENDED = "if curl sent it, use --data-binary or -F, since -d takes the line ends away"
ONE_LINE = f"has one line only, and must have a header and a line for each patient: {UNENDED}"


@dataclass(frozen=True, slots=True)
class FilePart:
    """Whole records: their bytes, the last of which is a line feed, and which lines of the file they are.

    `first_line` counts lines of the file from 1, `lines` is the number of line feeds within.
    """

    data: bytes
    first_line: int
    lines: int


@cache
def records(delimiters: str, times: str) -> re.Pattern[bytes]:
    """Return the pattern of CSV records, one (`{1}`) or as many as there are (`*+`).

    As Python's csv module sees them: a quote opens a cell only as its first byte, and only a line feed outside quotes
    ends a record. Possessive throughout, so that it never looks back.
    """
    end = rb"\r\n" + re.escape(delimiters.encode())
    cell = rb'(?>"[^"]*+(?:""[^"]*+)*+"[^%b]*+|[^"%b][^%b]*+|)' % (end, end, end)
    record = rb'(?>[^"\n]*+\n|%b(?:[\r%b]%b)*+\n)' % (cell, re.escape(delimiters.encode()), cell)
    return re.compile(b"(?:%b)%b" % (record, times.encode()))


class RecordSplitter:
    """Takes the chunks of one file and gives parts of at least `part_bytes`, but for the last one.

    With `take_header` the file is CSV. Its first record goes to `take_header`, without its line ending, before any part
    is given; that answers the delimiter, or raises what ends the upload. Without, each line is a record. A byte order
    mark is dropped; a last line that has no line feed is given one.

    Raises InvalidFile with code `record_too_long` before a record of more than `record_limit_bytes` is held, and
    `one_line`, `unclosed_quote` or `empty` at the end.
    """

    def __init__(
        self,
        take_header: Callable[[bytes], str] | None,
        *,
        record_limit_bytes: int,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._take_header = take_header
        self._delimiters = DELIMITERS if take_header else ""  # none means that quotes are nothing special
        self._record_limit = record_limit_bytes
        self._part_bytes = part_bytes
        self._scan_bytes = min(SCAN_BYTES, record_limit_bytes)
        self._held = bytearray()
        self._begun = False  # whether the byte order mark is behind us
        self._scanned = 0  # how much of what is held was looked at
        self._end = 0  # end of the last whole record in it
        self._line = 1  # on which the held bytes begin
        self._empty = True  # no part held more than blank lines

    def feed(self, chunk: bytes) -> Iterator[FilePart]:
        """Take the next bytes of the file; yield the parts that are complete with them."""
        self._held += chunk
        if not self._begun:
            if len(self._held) < len(BOM) and BOM.startswith(self._held):
                return
            if self._held.startswith(BOM):
                del self._held[: len(BOM)]
            self._begun = True
        while self._scanned < len(self._held):
            self._scan(min(self._scanned + self._scan_bytes, len(self._held)))
            if self._end >= self._part_bytes:
                yield self._cut()

    def finish(self) -> Iterator[FilePart]:
        """Yield what is left, once the file has ended."""
        if self._take_header and self._held.strip() and not re.search(rb"[\r\n]", self._held):
            raise InvalidFile.whole("one_line", ONE_LINE)
        if self._end < len(self._held):
            yield from self.feed(b"\n")
        if self._end < len(self._held):
            raise self._refuse("unclosed_quote", "begins a record with a double quote that is never closed")
        if self._end:
            yield self._cut()
        if self._empty:
            what = "has no header: it is empty" if self._take_header else "has no record"
            raise InvalidFile.whole("empty", what)

    def _scan(self, stop: int) -> None:
        """Look at what is held up to `stop`, from the end of the last whole record on; nothing else need be known."""
        if self._take_header or stop - self._end > self._record_limit:
            first = self._find("{1}", stop)
            if (first or stop) - self._end > self._record_limit:
                raise self._refuse("record_too_long", self._describe_too_long())
            if self._take_header and first:
                self._behead(first, self._take_header)
                return
        self._scanned = stop
        self._end = self._find("*+", stop) or self._end

    def _find(self, times: str, stop: int) -> int:
        """Return the end of the next record, or of the last one that there is before `stop`; 0 if there is none."""
        if self._delimiters and self._held.find(b'"', self._end, stop) >= 0:
            found = records(self._delimiters, times).match(self._held, self._end, stop)
            return found.end() if found else 0
        find = self._held.find if times == "{1}" else self._held.rfind
        return find(b"\n", self._end, stop) + 1

    def _behead(self, end: int, take_header: Callable[[bytes], str]) -> None:
        header = bytes(self._held[:end])
        del self._held[:end]
        self._scanned, self._take_header = 0, None
        self._line += header.count(b"\n")
        self._delimiters = take_header(header.removesuffix(b"\n").removesuffix(b"\r"))

    def _cut(self) -> FilePart:
        with memoryview(self._held) as held:  # copied once: it is large
            data = bytes(held[: self._end])
        del self._held[: self._end]
        self._scanned -= self._end
        self._end = 0
        file_part = FilePart(data, self._line, data.count(b"\n"))
        self._line += file_part.lines
        self._empty = self._empty and data.isspace()
        return file_part

    def _describe_too_long(self) -> str:
        """Return what is wrong with the first record that is too long, the same however its bytes came."""
        what, limit = f"begins a record of more than {self._record_limit} bytes", self._end + self._record_limit
        is_first = self._line == 1 and self._end == 0
        return f"{what}; {UNENDED}" if is_first and self._held.find(b"\n", self._end, limit) < 0 else what

    def _refuse(self, code: str, message: str) -> InvalidFile:
        line = self._line + self._held.count(b"\n", 0, self._end)
        return InvalidFile.whole(code, f"line {line} {message}")
