"""Cuts a stream of bytes, as it arrives, into parts of whole records.

Finds where records end, and reads nothing else of them. Does no input or output; C code does the searching.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from core.errors import InvalidFile

PART_BYTES = 4_000_000
SCAN_BYTES = (
    131_072  # scanned at once, which takes some 3 ms if there are quotes; never more than the limit of a record
)
BOM = b"\xef\xbb\xbf"
DELIMITERS = ",;\t|"
UNENDED = "if curl sent it, use --data-binary or -F, since -d takes the line ends away"
ONE_LINE = f"has one line only, and must have a header and a line for each patient: {UNENDED}"


@dataclass(frozen=True, slots=True)
class FilePart:
    """Whole records: their bytes, which end with a line feed, and their place in the file.

    `first_line` is the number, from 1, of the line that the part begins with; `lines` is the number of its line feeds.
    """

    data: bytes
    first_line: int
    lines: int


@cache
def records(delimiters: str, times: str) -> re.Pattern[bytes]:
    """Return the pattern of CSV records: of one (`{1}`), or of as many as there are (`*+`).

    Records are as in Python's csv module: a quote opens a cell only as its first byte, and only a line feed outside
    quotes ends a record. All quantifiers are possessive, so that the pattern never backtracks.
    """
    end = rb"\r\n" + re.escape(delimiters.encode())
    cell = rb'(?>"[^"]*+(?:""[^"]*+)*+"[^%b]*+|[^"%b][^%b]*+|)' % (end, end, end)
    record = rb'(?>[^"\n]*+\n|%b(?:[\r%b]%b)*+\n)' % (cell, re.escape(delimiters.encode()), cell)
    return re.compile(b"(?:%b)%b" % (record, times.encode()))


class RecordSplitter:
    """Cuts the chunks of one file into parts of at least `part_bytes`, except the last one.

    With `read_header`, the file is CSV: its first record, without its line ending, is passed to `read_header` before
    any part is yielded; that returns the delimiter, or raises the error that ends the upload. Without `read_header`,
    each line is a record. A byte order mark is dropped; a line feed is added to a last line without one.

    Raises InvalidFile with code `record_too_long` before more than `record_limit_bytes` of a record are buffered, and
    with `one_line`, `unclosed_quote` or `empty` at the end.
    """

    def __init__(
        self,
        read_header: Callable[[bytes], str] | None,
        *,
        record_limit_bytes: int,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._read_header = read_header
        self._delimiters = DELIMITERS if read_header else ""  # without any, quotes have no meaning
        self._record_limit = record_limit_bytes
        self._part_bytes = part_bytes
        self._scan_bytes = min(SCAN_BYTES, record_limit_bytes)
        self._buffer = bytearray()
        self._begun = False  # whether a byte order mark was dropped, or there is none
        self._scanned = 0  # how many of the buffered bytes were scanned
        self._end = 0  # end of the last whole record among them
        self._line = 1  # on which the buffered bytes begin
        self._empty = True  # whether all parts so far held blank lines only

    def feed(self, chunk: bytes) -> Iterator[FilePart]:
        """Add the next bytes of the file; yield the parts that they complete."""
        self._buffer += chunk
        if not self._begun:
            if len(self._buffer) < len(BOM) and BOM.startswith(self._buffer):
                return
            if self._buffer.startswith(BOM):
                del self._buffer[: len(BOM)]
            self._begun = True
        while self._scanned < len(self._buffer):
            self._scan(min(self._scanned + self._scan_bytes, len(self._buffer)))
            if self._end >= self._part_bytes:
                yield self._cut()

    def finish(self) -> Iterator[FilePart]:
        """Yield the last part, once the file has ended."""
        if self._read_header and self._buffer.strip() and not re.search(rb"[\r\n]", self._buffer):
            raise InvalidFile.whole("one_line", ONE_LINE)
        if self._end < len(self._buffer):
            yield from self.feed(b"\n")
        if self._end < len(self._buffer):
            raise self._refuse("unclosed_quote", "begins a record with a double quote that is never closed")
        if self._end:
            yield self._cut()
        if self._empty:
            what = "has no header: it is empty" if self._read_header else "has no record"
            raise InvalidFile.whole("empty", what)

    def _scan(self, stop: int) -> None:
        """Scan the buffered bytes from the end of the last whole record up to `stop`."""
        if self._read_header or stop - self._end > self._record_limit:
            first = self._find("{1}", stop)
            if (first or stop) - self._end > self._record_limit:
                raise self._refuse("record_too_long", self._describe_too_long())
            if self._read_header and first:
                self._cut_header(first, self._read_header)
                return
        self._scanned = stop
        self._end = self._find("*+", stop) or self._end

    def _find(self, times: str, stop: int) -> int:
        """Return the end of the next record (`{1}`), or of the last one before `stop` (`*+`); 0 if there is none."""
        if self._delimiters and self._buffer.find(b'"', self._end, stop) >= 0:
            found = records(self._delimiters, times).match(self._buffer, self._end, stop)
            return found.end() if found else 0
        find = self._buffer.find if times == "{1}" else self._buffer.rfind
        return find(b"\n", self._end, stop) + 1

    def _cut_header(self, end: int, read_header: Callable[[bytes], str]) -> None:
        header = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._scanned, self._read_header = 0, None
        self._line += header.count(b"\n")
        self._delimiters = read_header(header.removesuffix(b"\n").removesuffix(b"\r"))

    def _cut(self) -> FilePart:
        with memoryview(self._buffer) as view:  # copied once: it is large
            data = bytes(view[: self._end])
        del self._buffer[: self._end]
        self._scanned -= self._end
        self._end = 0
        file_part = FilePart(data, self._line, data.count(b"\n"))
        self._line += file_part.lines
        self._empty = self._empty and data.isspace()
        return file_part

    def _describe_too_long(self) -> str:
        """Return the message for the first record that is too long, the same however its bytes were chunked."""
        what, limit = f"begins a record of more than {self._record_limit} bytes", self._end + self._record_limit
        is_first = self._line == 1 and self._end == 0
        return f"{what}; {UNENDED}" if is_first and self._buffer.find(b"\n", self._end, limit) < 0 else what

    def _refuse(self, code: str, message: str) -> InvalidFile:
        line = self._line + self._buffer.count(b"\n", 0, self._end)
        return InvalidFile.whole(code, f"line {line} {message}")
