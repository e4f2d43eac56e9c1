"""The services that the routes of batches use: they save uploads, record batches, and find their results."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, NamedTuple

from anyio.to_thread import run_sync
from fastapi import Depends, Request

from api.auth.credentials import caller_of
from api.auth.quotas import backlogged, too_many_batches, too_many_rows
from api.batches.download import Download, ObjectRange
from api.batches.options import Options
from api.batches.results import header_of
from api.batches.upload import Uploads
from api.events.watcher import JobWatcher
from api.headroom import Headroom
from api.jobs.answers import Answers
from api.jobs.options import check_callback, read_idempotency, read_priority
from core.address import Resolver
from core.errors import KeyReused, MemoryFull, ScorelineError, UnknownBatch, UploadStalled
from core.ids import new_id
from core.ledger.batch import Batch, DonePart, Form, Format, errors_key, results_key
from core.ledger.key import Caller
from core.ledger.protocol import SubmitStatus
from core.ledger.redis.batch_record import NewBatch
from core.ledger.redis.batches import Batches
from core.settings import Settings
from core.storage.store import Store
from core.transport.message import Message
from core.transport.queue import Send, notify
from monitoring.log import trace

REFUSALS: dict[SubmitStatus, Callable[[], ScorelineError]] = {
    SubmitStatus.MISMATCH: KeyReused,
    SubmitStatus.GIVEN_UP: UploadStalled,
    SubmitStatus.MANY_ROWS: too_many_rows,
    SubmitStatus.MANY_BATCHES: too_many_batches,
}


class BatchBackends(NamedTuple):
    """What batches are stored in: their ledger, the object store, and the function that sends the parts' messages."""

    batches: Batches
    store: Store
    send: Send


@dataclass(frozen=True, slots=True)
class Files:
    """The services of one process for batches: backends, uploads, watcher, responses, DNS resolver and headroom."""

    settings: Settings
    bulk: BatchBackends
    uploads: Uploads
    watcher: JobWatcher[Batch]
    answers: Answers
    resolver: Resolver
    headroom: Headroom

    async def create_batch(self, request: Request) -> tuple[Batch, bool]:
        """Save the request's body, record the batch, and return it, and whether an earlier request had created it.

        Raises Backlogged, MemoryFull, QuotaExceeded, KeyReused, and what `Uploads.save_upload` and `check_callback`
        raise: then nothing was accepted, and nothing stays in the store. Raises LedgerUnavailable: then it is unknown
        whether the batch was accepted, and a repeat with the same Idempotency-Key counts once.
        """
        self.headroom.check()
        await self._check_backlog()
        id, callback, by = new_id(), None, caller_of(request)

        async def check_options(options: Options) -> None:
            nonlocal callback
            callback = await check_callback(options.callback_url or None, by, self.settings, self.resolver)

        upload = await self.uploads.save_upload(
            id, request, by, partial(self.bulk.batches.hold, id, self.uploads.claim_lasts_s), check_options
        )
        idempotency = read_idempotency(request, by, f"{upload.sha256} {upload.options.model_dump_json()}".encode())
        parts, limit = upload.parts, upload.options.rejected_limit
        new = NewBatch(
            id, upload.form, parts, upload.bytes, limit, idempotency, callback, trace(), by, read_priority(request)
        )
        status, batch_id, messages = await self._write_down(new)
        if status is not SubmitStatus.ACCEPTED:
            await self.uploads.discard(id)
        if status in (SubmitStatus.FULL, SubmitStatus.SHARE):
            raise backlogged(status, await run_sync(self.bulk.batches.load), self.settings.bulk_backlog_limit)
        if status in REFUSALS:
            raise REFUSALS[status]()
        batch = await run_sync(self.bulk.batches.read, batch_id, by)
        await run_sync(notify, self.bulk.send, messages)
        return batch, status is SubmitStatus.REPLAYED

    async def _write_down(self, new: NewBatch) -> tuple[SubmitStatus, str, list[Message]]:
        """Record the batch, as `Batches.create` does, unless Redis ran short of memory during the upload."""
        try:
            self.headroom.check()
        except MemoryFull:
            await self.uploads.discard(new.id)
            raise
        # If this raises, the batch may have been recorded, so the upload stays until its claim to the store ends.
        return await run_sync(self.bulk.batches.create, new)

    async def _check_backlog(self) -> None:
        """Raise Backlogged before the file is read, if it would be refused afterwards."""
        load = await run_sync(self.bulk.batches.load)
        if load.backlog_records >= self.settings.bulk_backlog_limit:
            raise backlogged(SubmitStatus.FULL, load, self.settings.bulk_backlog_limit)

    def find_results(
        self, id: str, form: Form, format: Format, by: Caller, *, spreadsheet_safe: bool = False
    ) -> Download:
        """Return the available results of a batch of this form, in this format.

        While the batch runs these are the parts before the first unfinished one; once it has ended, all finished parts.
        """
        batch, done = self._read_parts(id, by)
        head = header_of(form, spreadsheet_safe=spreadsheet_safe) if format is Format.CSV else b""
        name = f"scores-{id}.{format.value}"
        ranges = [ObjectRange(results_key(id, n, part.attempt), part.results_bytes, part.scored) for n, part in done]
        return Download(name, format, head, ranges, batch.state.ended, form)

    def find_errors(self, id: str, by: Caller) -> Download:
        """Return the available errors of a batch as lines of JSON, of the same parts as `find_results`."""
        batch, done = self._read_parts(id, by)
        ranges = [ObjectRange(errors_key(id, n, part.attempt), part.errors_bytes, part.rejected) for n, part in done]
        return Download(f"errors-{id}.jsonl", Format.JSONL, b"", ranges, batch.state.ended, Form(Format.JSONL))

    def _read_parts(self, id: str, by: Caller) -> tuple[Batch, list[tuple[int, DonePart]]]:
        batch = self.bulk.batches.read(id, by)  # before its parts: once it has ended, no more parts are added
        done = sorted(self.bulk.batches.done(id).items())
        if len(done) < batch.counts.parts_done:  # it was erased or has expired in between
            raise UnknownBatch
        if not batch.state.ended:
            done = [(n, part) for place, (n, part) in enumerate(done, start=1) if n == place]
        return batch, done


async def files_of(request: Request) -> Files:
    """Return the services for files."""
    files: Files = request.app.state.files
    return files


CurrentFiles = Annotated[Files, Depends(files_of)]
"""A route's parameter that receives the services for files."""
