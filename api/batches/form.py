"""Reads multipart/form-data (RFC 7578) as it arrives: a few small fields, then one file, which is never held."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from core.errors import InvalidFile

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELDS_LIMIT = 32
FIELD_LIMIT_BYTES = 4_096
BESIDES_LIMIT_BYTES = 262_144  # of a form, besides its file: as much as all fields that there may be


@dataclass(frozen=True, slots=True)
class Attached:
    """What a form says of its file, and the fields that came before it."""

    media_type: str
    name: str
    fields: dict[str, str]


@dataclass(slots=True)
class _Entry:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""
    file: bool = False
    value: bytearray = field(default_factory=bytearray)


class FormReader:
    """Takes the chunks of a form and gives the bytes of its file; `file` is what the form says of it, once known.

    Raises InvalidFile with code `bad_form` for what is no form, has several files or none, or fields after the file,
    too many or too long.
    """

    file: Attached | None = None

    def __init__(self, content_type: str) -> None:
        self._fields: dict[str, str] = {}
        self._entry = _Entry()
        self._header = (bytearray(), bytearray())
        self._pieces: list[bytes] = []
        self._besides_bytes = 0
        self._ended = False
        _, options = parse_options_header(content_type)
        if not options.get(b"boundary"):
            raise refuse("names no boundary in its Content-Type")
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin_entry,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._take,
            "on_part_end": self._end_entry,
            "on_end": self._end,
        }
        try:
            self._parser = MultipartParser(options[b"boundary"], callbacks)
        except FormParserError:
            raise refuse("names no boundary that can be used") from None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take the next bytes of the form; yield those of its file in one piece, before what is wrong behind them."""
        fault: InvalidFile | None = None
        try:
            self._parser.write(chunk)
        except FormParserError:
            fault = refuse("is not multipart/form-data, though it is said to be")
        except InvalidFile as error:
            fault = error
        piece, self._pieces = b"".join(self._pieces), []
        self._besides_bytes += len(chunk) - len(piece)
        if self.file:
            yield piece
        if fault:
            raise fault from None
        if self._besides_bytes > BESIDES_LIMIT_BYTES:
            raise refuse(f"has more than {BESIDES_LIMIT_BYTES} bytes besides its file")

    def finish(self) -> None:
        """Check that the form is whole and had a file, once it has ended. Raises InvalidFile."""
        if not self._ended:
            raise refuse("is broken off: it has no closing boundary")
        if not self.file:
            raise refuse("has no file: send one, as curl does with -F file=@patients.csv")

    def _begin_entry(self) -> None:
        self._entry = _Entry()

    def _end_header(self) -> None:
        name, value = self._header
        self._entry.headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _end_headers(self) -> None:
        entry = self._entry
        kind, options = parse_options_header(entry.headers.get(b"content-disposition", b""))
        entry.name = options.get(b"name", b"").decode(errors="replace")
        entry.file = b"filename" in options
        if kind != b"form-data" or not entry.name:
            raise refuse("has a part without a name")
        if self.file:
            raise refuse("has something after its file: send one file, and the fields before it")
        if entry.file:
            media_type = entry.headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
            filename = options[b"filename"].decode(errors="replace")
            self.file = Attached(media_type, filename, self._fields)
        elif entry.name in self._fields or len(self._fields) >= FIELDS_LIMIT:
            raise refuse("has a field twice, or too many fields")

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._entry.file:
            self._pieces.append(data[start:end])
            return
        self._entry.value += data[start:end]
        if len(self._entry.value) > FIELD_LIMIT_BYTES:
            raise refuse(f"has a field of more than {FIELD_LIMIT_BYTES} bytes before its file")

    def _end_entry(self) -> None:
        if not self._entry.file:
            self._fields[self._entry.name] = self._entry.value.decode(errors="replace")

    def _end(self) -> None:
        self._ended = True


def refuse(message: str) -> InvalidFile:
    """Return the error for a form that cannot be read."""
    return InvalidFile.whole("bad_form", message, field="form")
