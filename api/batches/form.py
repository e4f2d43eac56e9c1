"""Reads multipart/form-data (RFC 7578) as it arrives: a few small fields, then one file, which is never buffered."""

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
OVERHEAD_LIMIT_BYTES = 262_144  # of a form without its file: enough for the largest number of the largest fields


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """The media type and name of a form's file, and the fields before it."""

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
    """Reads a form chunk by chunk and yields the bytes of its file; `file` describes it once its header is read.

    Raises InvalidFile with code `bad_form` if the form is invalid, has not exactly one file, has fields after the file,
    or has too many or too long fields.
    """

    file: AttachedFile | None = None

    def __init__(self, content_type: str) -> None:
        self._fields: dict[str, str] = {}
        self._entry = _Entry()
        self._header = (bytearray(), bytearray())
        self._pieces: list[bytes] = []
        self._overhead_bytes = 0
        self._ended = False
        _, options = parse_options_header(content_type)
        if not options.get(b"boundary"):
            raise make_form_error("names no boundary in its Content-Type")
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin_entry,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._append_data,
            "on_part_end": self._end_entry,
            "on_end": self._end,
        }
        try:
            self._parser = MultipartParser(options[b"boundary"], callbacks)
        except FormParserError:
            raise make_form_error("names no boundary that can be used") from None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Read the next bytes of the form; yield the file's bytes among them in one piece, then raise any fault."""
        fault: InvalidFile | None = None
        try:
            self._parser.write(chunk)
        except FormParserError:
            fault = make_form_error("is not multipart/form-data, though it is said to be")
        except InvalidFile as error:
            fault = error
        piece, self._pieces = b"".join(self._pieces), []
        self._overhead_bytes += len(chunk) - len(piece)
        if self.file:
            yield piece
        if fault:
            raise fault from None
        if self._overhead_bytes > OVERHEAD_LIMIT_BYTES:
            raise make_form_error(f"has more than {OVERHEAD_LIMIT_BYTES} bytes besides its file")

    def finish(self) -> None:
        """Check that the form is complete and had a file; to be called at its end. Raises InvalidFile."""
        if not self._ended:
            raise make_form_error("is broken off: it has no closing boundary")
        if not self.file:
            raise make_form_error("has no file: send one, as curl does with -F file=@patients.csv")

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
            raise make_form_error("has a part without a name")
        if self.file:
            raise make_form_error("has something after its file: send one file, and the fields before it")
        if entry.file:
            media_type = entry.headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
            filename = options[b"filename"].decode(errors="replace")
            self.file = AttachedFile(media_type, filename, self._fields)
        elif entry.name in self._fields or len(self._fields) >= FIELDS_LIMIT:
            raise make_form_error("has a field twice, or too many fields")

    def _append_data(self, data: bytes, start: int, end: int) -> None:
        if self._entry.file:
            self._pieces.append(data[start:end])
            return
        self._entry.value += data[start:end]
        if len(self._entry.value) > FIELD_LIMIT_BYTES:
            raise make_form_error(f"has a field of more than {FIELD_LIMIT_BYTES} bytes before its file")

    def _end_entry(self) -> None:
        if not self._entry.file:
            self._fields[self._entry.name] = self._entry.value.decode(errors="replace")

    def _end(self) -> None:
        self._ended = True


def make_form_error(message: str) -> InvalidFile:
    """Return the error for an invalid form."""
    return InvalidFile.whole("bad_form", message, field="form")
