"""What the routes of batches stand on: takes files, writes batches down, gives back what came of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, NamedTuple

from anyio.to_thread import run_sync
from fastapi import Depends, Request

from api.answers import Answers
from api.callback import check_callback
from api.caller import caller_of
from api.download import Download, Stretch
from api.headers import idempotency
from api.notices import Notices
from api.options import Options
from api.quotas import too_many_batches, too_many_rows
from api.results import header_of
from api.upload import Uploads
from contract.address import Resolver
from contract.batch import Batch, DonePart, Form, Format, errors_key, results_key
from contract.errors import Backlogged, KeyReused, ScorelineError, UnknownBatch, UploadStalled
from contract.key import Caller
from contract.ledger.batch_record import NewBatch
from contract.ledger.batches import Batches
from contract.ledger.protocol import Verdict
from contract.ledger.record import new_id
from contract.ledger.survey import Load
from contract.queue import Send, ring
from contract.settings import Settings
from contract.store import Store
from monitoring.log import trace

REFUSALS: dict[Verdict, Callable[[], ScorelineError]] = {
    Verdict.MISMATCH: KeyReused,
    Verdict.GIVEN_UP: UploadStalled,
    Verdict.MANY_ROWS: too_many_rows,
    Verdict.MANY_BATCHES: too_many_batches,
}


class Bulk(NamedTuple):
    """Where files go: their ledger, their store, and who rings for their parts."""

    batches: Batches
    store: Store
    send: Send


@dataclass(frozen=True, slots=True)
class Files:
    """The ledger of batches and the store, and who takes uploads, rings and waits, of one process."""

    settings: Settings
    bulk: Bulk
    uploads: Uploads
    notices: Notices[Batch]
    answers: Answers
    resolver: Resolver

    async def take(self, request: Request) -> tuple[Batch, bool]:
        """Read the request's body into the store and write the batch down; return it, and if it was there before.

        Raises, besides what `Uploads.take` raises, Backlogged, QuotaExceeded, KeyReused and RefusedCallback: then
        nothing was accepted, and nothing stays in the store. Raises LedgerUnavailable: then it is not known, and a
        repeat with the same Idempotency-Key counts once.
        """
        await self._check_backlog()
        id, callback, by = new_id(), None, caller_of(request)

        async def settle(options: Options) -> None:
            nonlocal callback
            callback = await check_callback(options.callback_url or None, self.settings, self.resolver)

        upload = await self.uploads.take(id, request, partial(self.bulk.batches.hold, id, self.uploads.held_s), settle)
        same = idempotency(request, by, f"{upload.sha256} {upload.options.model_dump_json()}".encode())
        parts, limit = upload.parts, upload.options.rejected_limit
        new = NewBatch(id, upload.form, parts, upload.bytes, limit, same, callback, trace(), by)
        # If this raises, what was uploaded stays for as long as it is held: the batch may be written down.
        verdict, known, messages = await run_sync(self.bulk.batches.create, new)
        if verdict is not Verdict.ACCEPTED:
            await self.uploads.discard(id)
        if verdict is Verdict.FULL:
            raise self._refusal(await run_sync(self.bulk.batches.load))
        if verdict in REFUSALS:
            raise REFUSALS[verdict]()
        batch = await run_sync(self.bulk.batches.read, known, by)
        await run_sync(ring, self.bulk.send, messages)
        return batch, verdict is Verdict.REPLAYED

    async def _check_backlog(self) -> None:
        """Raise Backlogged before a file is read that would be refused then."""
        load = await run_sync(self.bulk.batches.load)
        if load.backlog_patients >= self.settings.bulk_backlog_limit:
            raise self._refusal(load)

    def _refusal(self, load: Load) -> Backlogged:
        return Backlogged(
            "Too many rows of files are waiting to be scored: send it again after the seconds in `Retry-After`.",
            retry_after_s=load.room_in_s(self.settings.bulk_backlog_limit),
        )

    def results(self, id: str, form: Form, format: Format, by: Caller) -> Download:
        """Return what is there of the results of a batch of this form, in this format.

        While it runs these are the rows before the first that is not done; once it has ended, all that were done.
        """
        batch, done = self._look(id, by)
        head = header_of(form) if format is Format.CSV else b""
        name = f"scores-{id}.{format.value}"
        stretches = [Stretch(results_key(id, n, part.attempt), part.results_bytes, part.scored) for n, part in done]
        return Download(name, format, head, stretches, batch.state.ended, form)

    def errors(self, id: str, by: Caller) -> Download:
        """Return what is there of a batch's errors, lines of JSON, as `results` does."""
        batch, done = self._look(id, by)
        stretches = [Stretch(errors_key(id, n, part.attempt), part.errors_bytes, part.rejected) for n, part in done]
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


Here = Annotated[Files, Depends(files_of)]
"""A route's parameter that is given the files."""
