"""What the routes of batches stand on: takes files, writes batches down, gives back what came of them."""

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
from api.jobs.options import check_callback, idempotency, priority
from core.address import Resolver
from core.errors import KeyReused, MemoryFull, ScorelineError, UnknownBatch, UploadStalled
from core.ledger.batch import Batch, DonePart, Form, Format, errors_key, results_key
from core.ledger.key import Caller
from core.ledger.protocol import SubmitStatus
from core.ledger.redis.batch_record import NewBatch
from core.ledger.redis.batches import Batches
from core.ledger.redis.record import new_id
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
    """Where files go: their ledger, their store, and who rings for their parts."""

    batches: Batches
    store: Store
    send: Send


@dataclass(frozen=True, slots=True)
class Files:
    """The ledger of batches and the store, and who takes uploads, rings and waits, of one process."""

    settings: Settings
    bulk: BatchBackends
    uploads: Uploads
    watcher: JobWatcher[Batch]
    answers: Answers
    resolver: Resolver
    headroom: Headroom

    async def take(self, request: Request) -> tuple[Batch, bool]:
        """Read the request's body into the store and write the batch down; return it, and if it was there before.

        Raises, besides what `Uploads.take` raises, Backlogged, MemoryFull, QuotaExceeded, KeyReused, and what
        `check_callback` does: then nothing was accepted, and nothing stays in the store. Raises LedgerUnavailable: then
        it is not known, and a repeat with the same Idempotency-Key counts once.
        """
        self.headroom.check()
        await self._check_backlog()
        id, callback, by = new_id(), None, caller_of(request)

        async def settle(options: Options) -> None:
            nonlocal callback
            callback = await check_callback(options.callback_url or None, by, self.settings, self.resolver)

        upload = await self.uploads.take(
            id, request, by, partial(self.bulk.batches.hold, id, self.uploads.held_s), settle
        )
        same = idempotency(request, by, f"{upload.sha256} {upload.options.model_dump_json()}".encode())
        parts, limit = upload.parts, upload.options.rejected_limit
        new = NewBatch(id, upload.form, parts, upload.bytes, limit, same, callback, trace(), by, priority(request))
        status, known, messages = await self._write_down(new)
        if status is not SubmitStatus.ACCEPTED:
            await self.uploads.discard(id)
        if status in (SubmitStatus.FULL, SubmitStatus.SHARE):
            raise backlogged(status, await run_sync(self.bulk.batches.load), self.settings.bulk_backlog_limit)
        if status in REFUSALS:
            raise REFUSALS[status]()
        batch = await run_sync(self.bulk.batches.read, known, by)
        await run_sync(notify, self.bulk.send, messages)
        return batch, status is SubmitStatus.REPLAYED

    async def _write_down(self, new: NewBatch) -> tuple[SubmitStatus, str, list[Message]]:
        """Write the batch down, as `Batches.create` does, unless memory became short while its file came in."""
        try:
            self.headroom.check()
        except MemoryFull:
            await self.uploads.discard(new.id)
            raise
        # If this raises, what was uploaded stays for as long as it is held: the batch may be written down.
        return await run_sync(self.bulk.batches.create, new)

    async def _check_backlog(self) -> None:
        """Raise Backlogged before a file is read that would be refused then."""
        load = await run_sync(self.bulk.batches.load)
        if load.backlog_records >= self.settings.bulk_backlog_limit:
            raise backlogged(SubmitStatus.FULL, load, self.settings.bulk_backlog_limit)

    def results(self, id: str, form: Form, format: Format, by: Caller, *, spreadsheet_safe: bool = False) -> Download:
        """Return what is there of the results of a batch of this form, in this format.

        While it runs these are the rows before the first that is not done; once it has ended, all that were done.
        """
        batch, done = self._look(id, by)
        head = header_of(form, spreadsheet_safe=spreadsheet_safe) if format is Format.CSV else b""
        name = f"scores-{id}.{format.value}"
        stretches = [ObjectRange(results_key(id, n, part.attempt), part.results_bytes, part.scored) for n, part in done]
        return Download(name, format, head, stretches, batch.state.ended, form)

    def errors(self, id: str, by: Caller) -> Download:
        """Return what is there of a batch's errors, lines of JSON, as `results` does."""
        batch, done = self._look(id, by)
        stretches = [ObjectRange(errors_key(id, n, part.attempt), part.errors_bytes, part.rejected) for n, part in done]
        return Download(f"errors-{id}.jsonl", Format.JSONL, b"", stretches, batch.state.ended, Form(Format.JSONL))

    def _look(self, id: str, by: Caller) -> tuple[Batch, list[tuple[int, DonePart]]]:
        batch = self.bulk.batches.read(id, by)  # before its parts: once it has ended, no more of them come
        done = sorted(self.bulk.batches.done(id).items())
        if len(done) < batch.counts.parts_done:  # it was erased, or its time was over, in between
            raise UnknownBatch
        if not batch.state.ended:
            done = [(n, part) for place, (n, part) in enumerate(done, start=1) if n == place]
        return batch, done


async def files_of(request: Request) -> Files:
    """Return what serves the request's files."""
    files: Files = request.app.state.files
    return files


CurrentFiles = Annotated[Files, Depends(files_of)]
"""A route's parameter that is given the files."""
