"""Cuts a stream of bytes into parts of whole records, as it arrives.

Knows where records end and nothing of what they hold. Pure and synchronous; looks at each byte a constant number of
times, in C.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from contract.errors import FieldError, InvalidFile

PART_BYTES = 4_000_000
SCAN_BYTES = 262_144  # looked at in one go; no record above the limit may hide in it
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Cut:
    """Whole records: their bytes, the last of which is a line feed, and which lines of the file they are.

    `first_line` counts lines of the file from 1, `lines` is the number of line feeds within.
    """

    data: bytes
    first_line: int
    lines: int


class Cutter:
    """Takes the chunks of one file and gives parts of about `part_bytes`, never less but for the last one.

    With `take_header` the file is CSV: a line feed between double quotes ends no record, wherever the quotes stand (RFC
    4180 has none within a bare field). The first record goes to `take_header`, without its line ending, before any
    part is given; what that raises ends the upload. Without `take_header`, each line is a record. A byte order mark is
    dropped; a last line that has no line feed is given one.

    Raises InvalidFile with code `record_too_long` before a record of more than `record_limit_bytes` is held, and
    `unclosed_quote` or `empty` at the end.
    """

    def __init__(
        self,
        take_header: Callable[[bytes], None] | None,
        *,
        record_limit_bytes: int,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._take_header = take_header
        self._quoted = take_header is not None
        self._record_limit = record_limit_bytes
        self._part_bytes = part_bytes
        self._scan_bytes = min(SCAN_BYTES, record_limit_bytes)
        self._held = bytearray()
        self._begun = False  # whether the byte order mark is behind us
        self._scanned = 0  # how much of what is held was looked at
        self._end = 0  # end of the last whole record in it
        self._open = False  # whether what was looked at ends between quotes
        self._line = 1  # on which the held bytes begin
        self._empty = True  # no part held more than blank lines

    def feed(self, chunk: bytes) -> Iterator[Cut]:
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

    def finish(self) -> Iterator[Cut]:
        """Yield what is left, once the file has ended."""
        if self._end < len(self._held):
            if self._open:
                raise self._refuse("unclosed_quote", "opens a double quote that is never closed")
            yield from self.feed(b"\n")
        if self._end:
            yield self._cut()
        if self._empty:
            what = "the file has no record" if self._take_header is None else "the file is empty: it has no header"
            raise InvalidFile(errors=(FieldError(field="file", code="empty", message=what),))

    def _scan(self, stop: int) -> None:
        start, held = self._scanned, self._held
        if stop - self._end > self._record_limit or self._take_header:
            first = self._first_end(start, stop)
            if (first or stop) - self._end > self._record_limit:
                raise self._refuse("record_too_long", f"begins a record of more than {self._record_limit} bytes")
            if self._take_header and first:
                self._behead(first)
                return
        if self._quoted:
            self._open ^= held.count(b'"', start, stop) % 2 == 1
        self._scanned = stop
        self._end = self._last_end(start, stop) or self._end

    def _behead(self, end: int) -> None:
        header, take_header = bytes(self._held[:end]), self._take_header
        del self._held[:end]
        self._scanned, self._open, self._take_header = 0, False, None
        self._line += header.count(b"\n")
        if take_header:
            take_header(header.removesuffix(b"\n").removesuffix(b"\r"))

    def _cut(self) -> Cut:
        data = bytes(memoryview(self._held)[: self._end])
        del self._held[: self._end]
        self._scanned -= self._end
        self._end = 0
        cut = Cut(data, self._line, data.count(b"\n"))
        self._line += cut.lines
        self._empty = self._empty and not data.strip()
        return cut

    def _first_end(self, start: int, stop: int) -> int:
        """Return the end of the first record that ends in this stretch, or 0."""
        held, at, between_quotes = self._held, start, self._open
        while (feed := held.find(b"\n", at, stop)) >= 0:
            if self._quoted:
                between_quotes ^= held.count(b'"', at, feed) % 2 == 1
            if not between_quotes:
                return feed + 1
            if (at := held.find(b'"', feed, stop)) < 0:
                break
        return 0

    def _last_end(self, start: int, stop: int) -> int:
        """Return the end of the last record that ends in this stretch, or 0; backwards, so seldom more than a look."""
        held, at, between_quotes = self._held, stop, self._open
        while (feed := held.rfind(b"\n", start, at)) >= 0:
            if self._quoted:
                between_quotes ^= held.count(b'"', feed, at) % 2 == 1
            if not between_quotes:
                return feed + 1
            if (at := held.rfind(b'"', start, feed)) < 0:
                break
            between_quotes = False  # before the quote that opens
        return 0

    def _refuse(self, code: str, message: str) -> InvalidFile:
        line = self._line + self._held.count(b"\n", 0, self._end)
        return InvalidFile(errors=(FieldError(field="file", code=code, message=f"line {line} {message}"),))
