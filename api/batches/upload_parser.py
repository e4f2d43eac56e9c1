"""What becomes of an upload's bytes on their way in: unpacked, taken out of a form, measured, and cut into parts.

Pure and synchronous: knows no request, no store and no time.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from api.batches.form import Attached, FormReader
from api.batches.header import read_header
from api.batches.options import Options, read_options
from api.http.inflate import Inflater, inflater_of
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
FORM = "multipart/form-data"
GZIP = ("application/gzip", "application/x-gzip")
TAKEN = "text/csv, application/x-ndjson, or multipart/form-data with one such file; each may be gzip-encoded"


class UploadParser:
    """Takes the chunks of one upload's body and gives the parts of its file.

    `sent` are the options in the query. Before the first part is given, `options` and `form` are settled; at the end
    `bytes` and `sha256` are the size and the hash of the whole file, unpacked and out of its form. `taken` are the
    bytes that came, which may be no more than those of a file.

    Raises UnsupportedMediaType, InvalidQuery, InvalidFile or BodyTooLarge as soon as it is known.
    """

    options: Options
    form: Form

    def __init__(self, content_type: str, content_encoding: str, sent: dict[str, str], settings: Settings) -> None:
        self.bytes = self.taken = 0
        self._hash = sha256()
        self._settings = settings
        self._sent = sent
        self._outer = inflater_of(content_encoding, settings.upload_ratio_limit)
        self._inner: Inflater | None = None
        self._reader: FormReader | None = None
        self._cutter: RecordSplitter | None = None
        media_type, _, parameters = content_type.partition(";")
        media_type, parameters = media_type.strip().lower(), parameters.lower().replace(" ", "").replace('"', "")
        if media_type == FORM:
            self._reader = FormReader(content_type)
        elif media_type not in FORMATS:
            raise UnsupportedMediaType(f"The body must be {TAKEN}.")
        elif "charset=" in parameters and not {"charset=utf-8", "charset=us-ascii"} & set(parameters.split(";")):
            raise UnsupportedMediaType("The file must be UTF-8: convert it, and leave the charset out.")
        else:
            self._open(FORMATS[media_type], sent)

    @property
    def sha256(self) -> str:
        """The hash of the file so far, in hexadecimal."""
        return self._hash.hexdigest()

    def feed(self, chunk: bytes) -> Iterator[FilePart]:
        """Take the next bytes of the body; yield the parts that are complete with them."""
        self.taken += len(chunk)
        if self.taken > self._settings.upload_limit_bytes:
            raise too_large(self._settings.upload_limit_bytes)
        for body in unpack(self._outer, chunk):
            for packed in self._take_out(body):
                for data in unpack(self._inner, packed):
                    yield from self._cut(data)

    def finish(self) -> Iterator[FilePart]:
        """Check that the body is whole, once it has ended, and yield what is left of its file."""
        for stage in (self._outer, self._reader, self._inner):
            if stage:
                stage.finish()
        if self._cutter:
            yield from self._cutter.finish()

    def _take_out(self, body: bytes) -> Iterator[bytes]:
        """Yield what is of the file: all of it where it comes in no form."""
        if not self._reader:
            yield body
            return
        for piece in self._reader.feed(body):
            if self._reader.file and not self._cutter:
                self._open_attached(self._reader.file)
            yield piece

    def _cut(self, data: bytes) -> Iterator[FilePart]:
        self.bytes += len(data)
        if self.bytes > self._settings.upload_limit_bytes:
            raise too_large(self._settings.upload_limit_bytes)
        self._hash.update(data)
        if self._cutter:
            yield from self._cutter.feed(data)

    def _open(self, format: Format, sent: dict[str, str]) -> None:
        self.options = read_options(sent)
        self.form = self.options.form(format)
        take_header = self._take_header if format is Format.CSV else None
        self._cutter = RecordSplitter(take_header, record_limit_bytes=self._settings.record_limit_bytes)

    def _open_attached(self, file: Attached) -> None:
        name = file.name.lower()
        packed = file.media_type in GZIP or name.endswith(".gz")
        suffix = "." + name.removesuffix(".gz").rpartition(".")[2]
        format = FORMATS.get(file.media_type) or SUFFIXES.get(suffix)
        if not format:
            raise UnsupportedMediaType(f"The file in the form must be named *.csv or *.jsonl, or its type be {TAKEN}.")
        self._inner = Inflater(self._settings.upload_ratio_limit) if packed else None
        self._open(format, self._sent | file.fields)

    def _take_header(self, header: bytes) -> str:
        self.form = read_header(header, self.form)
        return self.form.delimiter


def unpack(inflater: Inflater | None, chunk: bytes) -> Iterable[bytes]:
    """Return what a chunk stands for: itself where nothing is packed."""
    return inflater.feed(chunk) if inflater else (chunk,)


def too_large(limit_bytes: int) -> BodyTooLarge:
    """Return the error for a file of more than so many bytes."""
    return BodyTooLarge(f"The file is larger than {limit_bytes} bytes: send it as several.")
