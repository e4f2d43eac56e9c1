"""Takes uploads: their bytes into the store as they come, and out of it again if they do not all come."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass

from fastapi import Request
from starlette.requests import ClientDisconnect

from api.batches.incoming import Effort, gather
from api.batches.options import Options
from api.batches.upload_parser import UploadParser, too_large
from api.http.request_id import Threads
from core.errors import Backlogged, BodyIncomplete, StoreUnavailable, UploadStalled
from core.ledger.batch import Form, NewPart, folder_of, input_key
from core.ledger.key import Caller
from core.settings import Settings
from core.storage.store import Store
from core.table.splitter import FilePart

IN_FLIGHT = 3  # parts of one upload that are being written; no more is read of it meanwhile
WRITERS = 6
HOLD_EVERY_S = 10
HOLD_SPARE_S = 20  # a hold outlives the longest wait for bytes and for the store by so much
RETRY_AFTER_S = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of which each part is durable in the store; `bytes` and `sha256` are those of the file itself."""

    options: Options
    form: Form
    parts: tuple[NewPart, ...]
    bytes: int
    sha256: str


Hold = Callable[[bool], bool]
"""Claims the store for an upload, be it again; False if it was held too long ago, as `Batches.hold` has it."""

Settled = Callable[[Options], Awaitable[None]]
"""Looks at the options of an upload, and raises what is wrong with them."""


class Uploads:
    """Takes the uploads of one gateway process, `SCORELINE_UPLOADS_LIMIT` at once, half of them of one API key.

    All are cut in one thread, so that what holds the interpreter never adds up, and written in others.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self.held_s = settings.upload_idle_s + settings.store_timeout_s + HOLD_SPARE_S
        self._going = Counter[str]()
        self._cutting = Threads(1, "cut")
        self._writing = Threads(WRITERS, "write")

    async def take(self, id: str, request: Request, by: Caller, hold: Hold, settled: Settled) -> Upload:
        """Read the request's body into the store as batch `id`; return once every part is durable.

        `hold` is called in a thread before the first part is written and then every 10 s as long as bytes come; a
        claim to the store that lasts `held_s` from each call does not end meanwhile. `settled` is called once with the
        options, as soon as they are known and before anything is written; what it raises is raised.

        Raises, besides what `UploadParser` and `Store.write` raise, BodyIncomplete; UploadStalled, also where this
        process stood still for longer than that; and Backlogged for one upload too many. Whatever is raised, nothing of
        the upload stays in the store.
        """
        limit = self._settings.uploads_limit
        if self._going.total() >= limit:
            raise Backlogged("Too many files are being uploaded: send it again later.", retry_after_s=RETRY_AFTER_S)
        if by.key and self._going[by.key] >= max(1, limit // 2):
            raise Backlogged(
                "This API key is uploading too many files: send it again when one of them has been taken.",
                retry_after_s=RETRY_AFTER_S,
            )
        self._going[by.key] += 1
        try:
            return await self._take(id, request, hold, settled)
        except ClientDisconnect:
            raise BodyIncomplete from None
        finally:
            self._going[by.key] -= 1

    async def discard(self, id: str) -> None:
        """Delete all of a batch from the store; if that is away, it is left to the sweep."""
        await asyncio.get_running_loop().run_in_executor(self._writing, delete, self._store, id)

    def close(self) -> None:
        """Wait for what is being written."""
        self._cutting.shutdown()
        self._writing.shutdown()

    async def _take(self, id: str, request: Request, hold: Hold, settled: Settled) -> Upload:
        settings, headers, loop = self._settings, request.headers, asyncio.get_running_loop()
        encoding = headers.get("content-encoding", "")
        parser = UploadParser(headers.get("content-type", ""), encoding, dict(request.query_params), settings)
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > settings.upload_limit_bytes:
            raise too_large(settings.upload_limit_bytes)
        effort = Effort(lambda: parser.taken + parser.bytes)
        writer, held_s = PartWriter(id, self._store, self._writing), -float(HOLD_EVERY_S)
        try:
            async for chunk in gather(request, settings.upload_idle_s, settings.slowest_bytes_per_s):
                if time.monotonic() >= held_s + HOLD_EVERY_S:
                    if not await loop.run_in_executor(self._writing, hold, held_s >= 0):
                        raise UploadStalled
                    held_s = time.monotonic()
                await self._write_parts(parser, effort.metered(parser.feed(chunk)), writer, settled)
            await self._write_parts(parser, effort.metered(parser.finish()), writer, settled)
            await writer.settle()
        except BaseException:  # the client's going and this very task's end too
            # In a thread, which goes on if the gateway is told to stop and ends every task, this one a second time.
            await asyncio.shield(loop.run_in_executor(self._writing, writer.clear))
            raise
        return Upload(parser.options, parser.form, tuple(writer.parts), parser.bytes, parser.sha256)

    async def _write_parts(
        self, parser: UploadParser, file_parts: Iterator[FilePart], writer: "PartWriter", settled: Settled
    ) -> None:
        """Put the parts on the shelf, each before the next is made: a small body may stand for many."""
        loop = asyncio.get_running_loop()
        while file_part := await loop.run_in_executor(self._cutting, next, file_parts, None):
            if not writer.parts:
                await settled(parser.options)
            await writer.put(file_part)


class PartWriter:
    """The parts of one upload on their way into the store, `IN_FLIGHT` at once."""

    def __init__(self, id: str, store: Store, threads: Threads) -> None:
        self.parts: list[NewPart] = []
        self._id = id
        self._store = store
        self._threads = threads
        self._writes: dict[asyncio.Future[None], Future[None]] = {}

    async def put(self, file_part: FilePart) -> None:
        """Begin to write the next part. Raises what an earlier write raised."""
        while len(self._writes) >= IN_FLIGHT:
            await self._land()
        part = NewPart(number=len(self.parts) + 1, first_line=file_part.first_line, lines=file_part.lines)
        self.parts.append(part)
        write = self._threads.submit(self._store.write, input_key(self._id, part.number), file_part.data)
        landed = asyncio.wrap_future(write)
        landed.add_done_callback(_look_at)
        self._writes[landed] = write

    async def settle(self) -> None:
        """Return once every part is written. Raises what a write raised."""
        while self._writes:
            await self._land()

    def clear(self) -> None:
        """Delete what was written once nothing is being written any more; a write that has begun cannot be called off.

        Blocks, and needs no event loop.
        """
        begun = [write for write in self._writes.values() if not write.cancel()]
        wait(begun)
        if self.parts:
            delete(self._store, self._id)

    async def _land(self) -> None:
        # Unlike a future that is awaited itself, one that is waited for is not canceled with the task that waits.
        done, _ = await asyncio.wait(self._writes, return_when=asyncio.FIRST_COMPLETED)
        for landed in done:
            del self._writes[landed]
        if faults := [fault for landed in done if (fault := landed.exception())]:
            raise faults[0]


def delete(store: Store, id: str) -> None:
    """Delete all of a batch from the store; if that is away, it is left to the sweep."""
    try:
        store.delete(folder_of(id))
    except StoreUnavailable:
        log.warning("what was uploaded of batch %s is left to the sweep", id)


def _look_at(landed: asyncio.Future[None]) -> None:
    """Have asyncio know that the error of a write that nobody waits for any more was seen."""
    if not landed.cancelled():
        landed.exception()
