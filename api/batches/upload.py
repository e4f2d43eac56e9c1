"""Saves uploads: writes their parts to the object store as they arrive, and deletes them if the upload fails."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass

from fastapi import Request
from starlette.requests import ClientDisconnect

from api.batches.incoming import TimeBudget, read_pieces
from api.batches.options import Options
from api.batches.upload_parser import UploadParser, too_large
from api.http.request_id import Threads
from core.errors import Backlogged, BodyIncomplete, StoreUnavailable, UploadStalled
from core.ledger.batch import Form, NewPart, folder_of, input_key
from core.ledger.key import Caller
from core.settings import Settings
from core.storage.store import Store
from core.table.splitter import FilePart

IN_FLIGHT = 3  # parts of one upload that are written at once; meanwhile no more of it is read
WRITERS = 6
CLAIM_EVERY_S = 10
CLAIM_SPARE_S = 20  # a claim lasts so much longer than the longest waits for bytes and for the store
RETRY_AFTER_S = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file whose parts are all durable in the store; `bytes` and `sha256` are the decompressed file's."""

    options: Options
    form: Form
    parts: tuple[NewPart, ...]
    bytes: int
    sha256: str


ClaimStore = Callable[[bool], bool]
"""Claims the store for an upload, for the first time (False) or again (True), as `Batches.hold` does.

It returns False if the earlier claim has expired."""

CheckOptions = Callable[[Options], Awaitable[None]]
"""Checks the options of an upload, and raises an error if they are wrong."""


class Uploads:
    """Saves the uploads of one gateway process, at most `SCORELINE_UPLOADS_LIMIT` at once, half of them of one API key.

    One thread splits all uploads into parts, so that they never hold up the interpreter in several threads at once;
    other threads write the parts.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self.claim_lasts_s = settings.upload_idle_s + settings.store_timeout_s + CLAIM_SPARE_S
        self._in_progress = Counter[str]()
        self._split_thread = Threads(1, "split")
        self._write_threads = Threads(WRITERS, "write")

    async def save_upload(
        self, id: str, request: Request, by: Caller, claim_store: ClaimStore, check_options: CheckOptions
    ) -> Upload:
        """Save the request's body in the store as batch `id`; return once every part is durable.

        `claim_store` is called in a thread before the first part is written, and then every 10 s while bytes arrive; a
        claim that lasts `claim_lasts_s` from each call does not expire meanwhile. `check_options` is called once, as
        soon as the options are known and before anything is written; what it raises is raised here.

        Raises what `UploadParser` and `Store.write` raise; BodyIncomplete; UploadStalled, also if this process was
        suspended for so long that the claim expired; and Backlogged for one upload too many. Whatever is raised,
        nothing of the upload stays in the store.
        """
        limit = self._settings.uploads_limit
        if self._in_progress.total() >= limit:
            raise Backlogged("Too many files are being uploaded: send it again later.", retry_after_s=RETRY_AFTER_S)
        if by.key and self._in_progress[by.key] >= max(1, limit // 2):
            raise Backlogged(
                "This API key is uploading too many files: send it again when one of them has been taken.",
                retry_after_s=RETRY_AFTER_S,
            )
        self._in_progress[by.key] += 1
        try:
            return await self._save_body(id, request, claim_store, check_options)
        except ClientDisconnect:
            raise BodyIncomplete from None
        finally:
            self._in_progress[by.key] -= 1

    async def discard(self, id: str) -> None:
        """Delete a batch from the store; if the store is unavailable, the reaper deletes it later."""
        await asyncio.get_running_loop().run_in_executor(self._write_threads, delete_upload, self._store, id)

    def close(self) -> None:
        """Wait until the threads have finished their work."""
        self._split_thread.shutdown()
        self._write_threads.shutdown()

    async def _save_body(
        self, id: str, request: Request, claim_store: ClaimStore, check_options: CheckOptions
    ) -> Upload:
        settings, headers, loop = self._settings, request.headers, asyncio.get_running_loop()
        encoding = headers.get("content-encoding", "")
        parser = UploadParser(headers.get("content-type", ""), encoding, dict(request.query_params), settings)
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > settings.upload_limit_bytes:
            raise too_large(settings.upload_limit_bytes)
        budget = TimeBudget(lambda: parser.received_bytes + parser.bytes)
        part_writer, claimed_s = PartWriter(id, self._store, self._write_threads), -float(CLAIM_EVERY_S)
        try:
            async for chunk in read_pieces(request, settings.upload_idle_s, settings.slowest_bytes_per_s):
                if time.monotonic() >= claimed_s + CLAIM_EVERY_S:
                    if not await loop.run_in_executor(self._write_threads, claim_store, claimed_s >= 0):
                        raise UploadStalled
                    claimed_s = time.monotonic()
                await self._write_parts(parser, budget.run_steps(parser.feed(chunk)), part_writer, check_options)
            await self._write_parts(parser, budget.run_steps(parser.finish()), part_writer, check_options)
            await part_writer.finish()
        except BaseException:  # also if the client disconnects, or this task is canceled
            # In a thread, which goes on even if the gateway shuts down and cancels this task a second time.
            await asyncio.shield(loop.run_in_executor(self._write_threads, part_writer.delete_parts))
            raise
        return Upload(parser.options, parser.form, tuple(part_writer.parts), parser.bytes, parser.sha256)

    async def _write_parts(
        self,
        parser: UploadParser,
        file_parts: Iterator[FilePart],
        part_writer: "PartWriter",
        check_options: CheckOptions,
    ) -> None:
        """Write the parts, each before the next one is split off: a small compressed body may contain many."""
        loop = asyncio.get_running_loop()
        while file_part := await loop.run_in_executor(self._split_thread, next, file_parts, None):
            if not part_writer.parts:
                await check_options(parser.options)
            await part_writer.write_part(file_part)


class PartWriter:
    """Writes the parts of one upload to the store, `IN_FLIGHT` at once."""

    def __init__(self, id: str, store: Store, threads: Threads) -> None:
        self.parts: list[NewPart] = []
        self._id = id
        self._store = store
        self._threads = threads
        self._writes: dict[asyncio.Future[None], Future[None]] = {}

    async def write_part(self, file_part: FilePart) -> None:
        """Start to write the next part. Raises what an earlier write raised."""
        while len(self._writes) >= IN_FLIGHT:
            await self._wait_for_write()
        part = NewPart(number=len(self.parts) + 1, first_line=file_part.first_line, lines=file_part.lines)
        self.parts.append(part)
        write = self._threads.submit(self._store.write, input_key(self._id, part.number), file_part.data)
        future = asyncio.wrap_future(write)
        future.add_done_callback(mark_error_seen)
        self._writes[future] = write

    async def finish(self) -> None:
        """Return once every part is written. Raises what a write raised."""
        while self._writes:
            await self._wait_for_write()

    def delete_parts(self) -> None:
        """Delete the parts, once all writes that have begun are finished: they cannot be canceled.

        Blocks, and needs no event loop.
        """
        begun = [write for write in self._writes.values() if not write.cancel()]
        wait(begun)
        if self.parts:
            delete_upload(self._store, self._id)

    async def _wait_for_write(self) -> None:
        # `wait` does not cancel the futures if this task is canceled; `await` would.
        done, _ = await asyncio.wait(self._writes, return_when=asyncio.FIRST_COMPLETED)
        for future in done:
            del self._writes[future]
        if faults := [fault for future in done if (fault := future.exception())]:
            raise faults[0]


def delete_upload(store: Store, id: str) -> None:
    """Delete a batch from the store; if the store is unavailable, the reaper deletes it later."""
    try:
        store.delete(folder_of(id))
    except StoreUnavailable:
        log.warning("the upload of batch %s cannot be deleted now and is left to the reaper", id)


def mark_error_seen(future: asyncio.Future[None]) -> None:
    """Retrieve the error of a write that nobody awaits any more, or asyncio would log it."""
    if not future.cancelled():
        future.exception()
