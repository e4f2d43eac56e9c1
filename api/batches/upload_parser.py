"""Parses an upload: decompresses it, extracts the file from a form, checks its size, and splits it into parts.

Pure and synchronous: it knows no request, no store and no time.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from api.batches.form import AttachedFile, FormReader
from api.batches.header import read_header
from api.batches.options import Options, read_options
from api.http.inflate import Inflater, make_inflater
from core.errors import BodyTooLarge, UnsupportedMediaType
from core.ledger.batch import Form, Format
from core.settings import Settings
from core.table.splitter import FilePart, RecordSplitter

FORMATS = {
    "text/csv": Format.CSV,
    "application/csv": Format.CSV,
    "application/vnd.ms-excel": Format.CSV,  # what browsers call a CSV where Excel is installed
    "application/x-ndjson": Format.JSONL,
    "application/jsonl": Format.JSONL,
    "application/x-jsonlines": Format.JSONL,
}
SUFFIXES = {".csv": Format.CSV, ".jsonl": Format.JSONL, ".ndjson": Format.JSONL}
MULTIPART = "multipart/form-data"
GZIP = ("application/gzip", "application/x-gzip")
ACCEPTED_TYPES = "text/csv, application/x-ndjson, or multipart/form-data with one such file; each may be gzip-encoded"


class UploadParser:
    """Reads the body of one upload chunk by chunk, and yields the parts of its file.

    `query` has the options in the query. `options` and `form` are set before the first part is yielded; at the end
    `bytes` and `sha256` are the size and the hash of the whole file, decompressed and without its form.
    `received_bytes` counts the bytes of the body; it has the same limit as `bytes`.

    Raises UnsupportedMediaType, InvalidQuery, InvalidFile or BodyTooLarge as soon as possible.
    """

    options: Options
    form: Form

    def __init__(self, content_type: str, content_encoding: str, query: dict[str, str], settings: Settings) -> None:
        self.bytes = self.received_bytes = 0
        self._hash = sha256()
        self._settings = settings
        self._query = query
        self._outer = make_inflater(content_encoding, settings.upload_ratio_limit)
        self._inner: Inflater | None = None
        self._reader: FormReader | None = None
        self._splitter: RecordSplitter | None = None
        media_type, _, parameters = content_type.partition(";")
        media_type, parameters = media_type.strip().lower(), parameters.lower().replace(" ", "").replace('"', "")
        if media_type == MULTIPART:
            self._reader = FormReader(content_type)
        elif media_type not in FORMATS:
            raise UnsupportedMediaType(f"The body must be {ACCEPTED_TYPES}.")
        elif "charset=" in parameters and not {"charset=utf-8", "charset=us-ascii"} & set(parameters.split(";")):
            raise UnsupportedMediaType("The file must be UTF-8: convert it, and leave the charset out.")
        else:
            self._open_file(FORMATS[media_type], query)

    @property
    def sha256(self) -> str:
        """The hash of the file so far, in hexadecimal."""
        return self._hash.hexdigest()

    def feed(self, chunk: bytes) -> Iterator[FilePart]:
        """Read the next bytes of the body; yield the parts that they complete."""
        self.received_bytes += len(chunk)
        if self.received_bytes > self._settings.upload_limit_bytes:
            raise too_large(self._settings.upload_limit_bytes)
        for body in unpack(self._outer, chunk):
            for packed in self._extract_file(body):
                for data in unpack(self._inner, packed):
                    yield from self._split(data)

    def finish(self) -> Iterator[FilePart]:
        """Check that the body is complete, and yield the last parts of its file; to be called at its end."""
        for stage in (self._outer, self._reader, self._inner):
            if stage:
                stage.finish()
        if self._splitter:
            yield from self._splitter.finish()

    def _extract_file(self, body: bytes) -> Iterator[bytes]:
        """Yield the bytes of the file: all bytes, unless the body is a form."""
        if not self._reader:
            yield body
            return
        for piece in self._reader.feed(body):
            if self._reader.file and not self._splitter:
                self._open_form_file(self._reader.file)
            yield piece

    def _split(self, data: bytes) -> Iterator[FilePart]:
        self.bytes += len(data)
        if self.bytes > self._settings.upload_limit_bytes:
            raise too_large(self._settings.upload_limit_bytes)
        self._hash.update(data)
        if self._splitter:
            yield from self._splitter.feed(data)

    def _open_file(self, format: Format, query: dict[str, str]) -> None:
        self.options = read_options(query)
        self.form = self.options.make_form(format)
        on_header = self._read_header if format is Format.CSV else None
        self._splitter = RecordSplitter(on_header, record_limit_bytes=self._settings.record_limit_bytes)

    def _open_form_file(self, file: AttachedFile) -> None:
        name = file.name.lower()
        packed = file.media_type in GZIP or name.endswith(".gz")
        suffix = "." + name.removesuffix(".gz").rpartition(".")[2]
        format = FORMATS.get(file.media_type) or SUFFIXES.get(suffix)
        if not format:
            raise UnsupportedMediaType(
                f"The file in the form must be named *.csv or *.jsonl, or its type be {ACCEPTED_TYPES}."
            )
        self._inner = Inflater(self._settings.upload_ratio_limit) if packed else None
        self._open_file(format, self._query | file.fields)

    def _read_header(self, header: bytes) -> str:
        self.form = read_header(header, self.form)
        return self.form.delimiter


def unpack(inflater: Inflater | None, chunk: bytes) -> Iterable[bytes]:
    """Return the decompressed chunk, or the chunk itself without an inflater."""
    return inflater.feed(chunk) if inflater else (chunk,)


def too_large(limit_bytes: int) -> BodyTooLarge:
    """Return the error for a file of more than `limit_bytes`."""
    return BodyTooLarge(f"The file is larger than {limit_bytes} bytes: send it as several.")
