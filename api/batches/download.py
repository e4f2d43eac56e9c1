"""Sends a file's parts in the object store as one download: all or a range of it, or converted to another format."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from anyio.to_thread import run_sync
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.batches.results import Conversion, cut_rows, read_whole_rows, to_objects, to_rows
from core.errors import BadRange
from core.ledger.batch import Form, Format
from core.storage.store import Store
from core.table.cell import defuse

PIECE_BYTES = 131_072
PIECES_IN_MEMORY = 3  # the first, the next, and the one in uvicorn's buffer
CONVERSION_BYTES = 3_000_000
"""The memory that converting rows takes: the bytes that were read, and one block of rows as objects."""
PARQUET_BYTES = 6_000_000
"""The memory that Parquet takes besides, for an encoded row group; measured: 6 MB in all, of well compressed rows."""

PARQUET = "application/vnd.apache.parquet"
MEDIA_TYPES = {
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.JSONL: "application/x-ndjson",
    Format.PARQUET: PARQUET,
}
ACCEPTED = {
    "text/csv": Format.CSV,
    "application/x-ndjson": Format.JSONL,
    "application/jsonl": Format.JSONL,
    "application/x-jsonlines": Format.JSONL,
    PARQUET: Format.PARQUET,
}


@dataclass(frozen=True, slots=True)
class ObjectRange:
    """One part of a download: the key of its object in the store, its size in bytes, and its number of rows."""

    key: str
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class Download:
    """A file to send: `head`, then the object ranges in their order.

    `name` is the file's name, such as `scores-{id}.csv`; `form` is the form of the rows in the store. A file that is
    not `complete` still grows: its total size is not sent, so that no client takes it for the whole file.
    """

    name: str
    format: Format
    head: bytes
    ranges: Sequence[ObjectRange]
    complete: bool
    form: Form

    @property
    def bytes(self) -> int:
        """The size so far."""
        return len(self.head) + sum(range_.bytes for range_ in self.ranges)

    def memory_bytes(self, conversion: Conversion | None) -> int:
        """Return the bytes of memory that the download takes while the client does not read."""
        if conversion is None:
            return min(self.bytes, PIECES_IN_MEMORY * PIECE_BYTES)
        return CONVERSION_BYTES + (PARQUET_BYTES if self.format is Format.PARQUET else 0)

    @property
    def row_bytes(self) -> int:
        """The largest mean size of a row in any part, in bytes; 0 without rows."""
        return max((range_.bytes // max(1, range_.rows) for range_ in self.ranges), default=0)


def choose_format(request: Request, native: Format) -> Format:
    """Return the first known format in `Accept`; `native`, which costs least, if it names none."""
    for accepted in request.headers.get("accept", "").split(","):
        if found := ACCEPTED.get(accepted.partition(";")[0].strip().lower()):
            return found
    return native


def choose_conversion(format: Format, form: Form, spreadsheet_safe: bool, row_bytes: int = 0) -> Conversion | None:
    """Return the conversion of the parts' outputs to the format, or None if they can be sent unchanged.

    With `spreadsheet_safe` no spreadsheet runs a cell of the CSV as a formula. `row_bytes` is as for
    `api.batches.parquet.to_parquet`.
    """
    if format is Format.PARQUET:
        from api.batches.parquet import to_parquet  # with arro3, which most gateways never need

        return partial(to_parquet, form=form, row_bytes=row_bytes)
    convert = None if format is form.format else (to_objects if format is Format.JSONL else to_rows)
    if not (spreadsheet_safe and format is Format.CSV):
        return convert and (lambda outputs: (block for output in outputs for block in convert(output, form)))
    delimiter = form.delimiter or ","
    return lambda outputs: (
        defuse(rows, delimiter)
        for output in outputs
        for block in (convert(output, form) if convert else (output,))
        for rows in cut_rows(block, delimiter)
    )


async def send_download(
    request: Request, store: Store, download: Download, conversion: Conversion | None = None
) -> Response:
    """Return the response that streams the file: 200, or 206 for a `Range` of a file that is not converted.

    Raises BadRange, and what the store raises for the first piece. If the store fails later, the response is cut off,
    so that the client sees that it is incomplete.
    """
    headers = {
        "Content-Disposition": f'attachment; filename="{safe_name(download.name)}"',
        "Cache-Control": "no-store",
        "Accept-Ranges": "none" if conversion else "bytes",
    }
    media_type, size = MEDIA_TYPES[download.format], download.bytes
    if conversion:
        body = await wait_for_first(convert_rows(store, download, conversion))
        return StreamingResponse(body, 200, headers, media_type)
    etag = f'"{safe_name(download.name)}"' if download.complete else ""  # once complete it never changes
    if etag:
        headers["ETag"] = etag
    matches = request.headers.get("if-range", etag) == etag
    start, end, partial = parse_range(request.headers.get("range", "") if matches else "", size)
    if partial:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size if download.complete else '*'}"
    headers["Content-Length"] = str(end - start)
    body = await wait_for_first(read_pieces(store, download, start, end))
    return StreamingResponse(body, 206 if partial else 200, headers, media_type)


def parse_range(header: str, size: int) -> tuple[int, int, bool]:
    """Return the start and end that `Range` asks for, and whether they are only a part (RFC 9110, section 14).

    Several ranges, or an invalid header, are answered with the whole file, as the standard allows. Raises BadRange for
    a range that begins beyond the end.
    """
    match = re.fullmatch(r"bytes=(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))", header.replace(" ", ""))
    if not match:
        return 0, size, False
    if match[3]:
        start, end = max(0, size - int(match[3])), size
    else:
        start, end = int(match[1]), min(size, int(match[2]) + 1 if match[2] else size)
        if match[2] and int(match[2]) < start:
            return 0, size, False
    if start >= size or start >= end:
        raise BadRange(f"The range begins beyond the end: there are {size} bytes.")
    return start, end, True


async def read_pieces(store: Store, download: Download, start: int, end: int) -> AsyncIterator[bytes]:
    """Yield the bytes of the file from `start` up to `end`."""
    if start < len(download.head):
        yield download.head[start:end]
    begin = len(download.head)
    for range_ in download.ranges:
        first, last = max(start - begin, 0), min(end - begin, range_.bytes)
        for position in range(first, last, PIECE_BYTES):
            yield await run_sync(store.read_range, range_.key, position, min(position + PIECE_BYTES, last))
        begin += range_.bytes


async def convert_rows(store: Store, download: Download, conversion: Conversion) -> AsyncIterator[bytes]:
    """Yield the file in another format; it is read and converted in other threads."""
    yield download.head
    blocks = conversion(
        rows
        for range_ in download.ranges
        for rows in read_whole_rows(partial(store.read_range, range_.key), range_.bytes, download.form)
    )
    while (block := await run_sync(next, blocks, None)) is not None:
        yield block


async def wait_for_first(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Return the same bytes once the head and the first piece are read, so that a failure there becomes a problem."""
    waiting: list[bytes] = []
    while len(waiting) < 2 and (piece := await anext(body, None)) is not None:
        waiting.append(piece)

    async def yield_rest() -> AsyncIterator[bytes]:
        while waiting:
            yield waiting.pop(0)
        async for piece in body:
            yield piece

    return yield_rest()


def safe_name(name: str) -> str:
    """Return the name with all but ASCII letters, digits, dots, dashes and underscores replaced; safe in a header."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)
