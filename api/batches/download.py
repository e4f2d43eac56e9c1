"""Sends what lies in the store in parts as one file: whole or a range of it, as it is or turned into another format."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from anyio.to_thread import run_sync
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.batches.results import Conversion, whole_rows
from core.errors import BadRange
from core.ledger.batch import Form, Format
from core.storage.store import Store

PIECE_BYTES = 131_072
PIECES_HELD = 3  # the first, the one that waits, and the one that uvicorn holds
TURNING_BYTES = 3_000_000
"""What is held to turn rows into another format: what was read of them, and a block of them as objects."""
PARQUET_BYTES = 6_000_000
"""What is held besides for Parquet: a row group, encoded. Measured: 6 MB in all, of rows that compress well."""

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
    """One part of what is sent: the key of its object in the store, its size, and how many rows it holds."""

    key: str
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class Download:
    """A file to send: `head`, then the stretches in their order.

    `name` is that of the file, such as `scores-{id}.csv`, `form` that of the rows in the store. A file that is not
    `complete` is the beginning of one that still grows: its size is not told, so that no one takes it for the whole.
    """

    name: str
    format: Format
    head: bytes
    stretches: Sequence[ObjectRange]
    complete: bool
    form: Form

    @property
    def bytes(self) -> int:
        """The size of what there is."""
        return len(self.head) + sum(range_.bytes for range_ in self.stretches)

    def held_bytes(self, turn: Conversion | None) -> int:
        """Return how much of memory it takes to send the file while nobody reads it."""
        if turn is None:
            return min(self.bytes, PIECES_HELD * PIECE_BYTES)
        return TURNING_BYTES + (PARQUET_BYTES if self.format is Format.PARQUET else 0)

    @property
    def row_bytes(self) -> int:
        """The mean size of a row in the part where it is largest; 0 if there is no row."""
        return max((range_.bytes // max(1, range_.rows) for range_ in self.stretches), default=0)


def choose_format(request: Request, native: Format) -> Format:
    """Return the first format in `Accept` that there is; `native`, which costs least, where it names none."""
    for accepted in request.headers.get("accept", "").split(","):
        if found := ACCEPTED.get(accepted.partition(";")[0].strip().lower()):
            return found
    return native


async def send(request: Request, store: Store, download: Download, turn: Conversion | None = None) -> Response:
    """Return the answer that streams the file: 200, or 206 for a `Range` of one that is sent as it is.

    Raises BadRange, and what the store raises for the first piece. If the store fails later, the answer breaks off, so
    that it cannot be taken for whole.
    """
    headers = {
        "Content-Disposition": f'attachment; filename="{safe_name(download.name)}"',
        "Cache-Control": "no-store",
        "Accept-Ranges": "none" if turn else "bytes",
    }
    media_type, size = MEDIA_TYPES[download.format], download.bytes
    if turn:
        body = await begun(turned(store, download, turn))
        return StreamingResponse(body, 200, headers, media_type)
    etag = f'"{safe_name(download.name)}"' if download.complete else ""  # once complete it never changes
    if etag:
        headers["ETag"] = etag
    same = request.headers.get("if-range", etag) == etag
    start, end, partial = find_range(request.headers.get("range", "") if same else "", size)
    if partial:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size if download.complete else '*'}"
    headers["Content-Length"] = str(end - start)
    body = await begun(pieces(store, download, start, end))
    return StreamingResponse(body, 206 if partial else 200, headers, media_type)


def find_range(header: str, size: int) -> tuple[int, int, bool]:
    """Return start and end of what `Range` asks for, and whether it is a part only (RFC 9110, section 14).

    Several ranges, or what cannot be read, are answered with the whole, as the standard allows. Raises BadRange for one
    that begins beyond the end.
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


async def pieces(store: Store, download: Download, start: int, end: int) -> AsyncIterator[bytes]:
    """Yield the bytes of the file from `start` up to `end`."""
    if start < len(download.head):
        yield download.head[start:end]
    begin = len(download.head)
    for range_ in download.stretches:
        first, last = max(start - begin, 0), min(end - begin, range_.bytes)
        for at in range(first, last, PIECE_BYTES):
            yield await run_sync(store.read_range, range_.key, at, min(at + PIECE_BYTES, last))
        begin += range_.bytes


async def turned(store: Store, download: Download, turn: Conversion) -> AsyncIterator[bytes]:
    """Yield the file in another format; what is read and turned is so in other threads."""
    yield download.head
    blocks = turn(
        rows
        for range_ in download.stretches
        for rows in whole_rows(partial(store.read_range, range_.key), range_.bytes, download.form)
    )
    while (block := await run_sync(next, blocks, None)) is not None:
        yield block


async def begun(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Return the same bytes once the first are there and not merely the head, so that a failure is answered as one."""
    waiting: list[bytes] = []
    while len(waiting) < 2 and (piece := await anext(body, None)) is not None:
        waiting.append(piece)

    async def go_on() -> AsyncIterator[bytes]:
        while waiting:
            yield waiting.pop(0)
        async for piece in body:
            yield piece

    return go_on()


def safe_name(name: str) -> str:
    """Return the name with only letters, digits, dots, dashes and underscores of ASCII, which no header misreads."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)
