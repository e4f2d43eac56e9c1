"""The pages of batches: the upload, the list, and one batch as it goes."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Response
from pydantic import BaseModel
from pydantic_core import from_json

from api.batches import routes as batches
from api.batches.download import pieces
from api.batches.service import CurrentFiles, Files
from api.events.stream import LAST_OF_BATCH, Event, EventSource, progress_of, tell
from api.pages.jobs import LISTED
from api.pages.site import CurrentPage, Site
from core.errors import StoreUnavailable
from core.ledger.batch import Batch
from core.ledger.job import State
from core.ledger.key import Caller

ERRORS_SHOWN = 20
ERRORS_READ_BYTES = 16_384  # of which the first ones are shown

routes = APIRouter(prefix="/batches", include_in_schema=False)


class RowError(BaseModel):
    """One line of a batch's errors; `column` is null where the row as a whole is none."""

    line: int
    column: str | None
    code: str
    message: str


@routes.get("")
def show_list(
    context: CurrentPage, files: CurrentFiles, state: State | None = None, after: UUID | None = None
) -> Response:
    """Show batches, newest first, in one state or all."""
    page = batches.page_of(files, context.by, state, LISTED, after)
    return context.page("batches.html", page=page, state=state, states=State, after=after)


@routes.post("")
async def upload(context: CurrentPage, files: CurrentFiles) -> Response:
    """Take a file, and go to its batch."""
    batch, _ = await files.take(context.request)
    return context.send_to(f"/batches/{batch.id}")


@routes.get("/{id}")
async def show(id: str, context: CurrentPage, files: CurrentFiles) -> Response:
    """Show a batch: how far it is, what it gives, and its first errors."""
    batch = await run_sync(files.bulk.batches.read, batches.batch_id(id), context.by)
    errors = await read_errors(files, batch, context.by) if batch.counts.rejected else []
    return context.page("batch.html", batch=batch, errors=errors, shown=ERRORS_SHOWN)


@routes.get("/{id}/live")
async def live(id: str, context: CurrentPage, files: CurrentFiles) -> Response:
    """Stream what the batch's page shows of its progress, as `GET /v1/batches/{id}/events` streams the batch."""
    events, read = partial(story_of, context.site), partial(files.bulk.batches.read, by=context.by)
    source = EventSource(batches.batch_id(id), files.watcher, read, events, LAST_OF_BATCH)
    return await tell(context.request, files.answers, source)


@routes.post("/{id}/cancel")
def cancel(id: str, context: CurrentPage, files: CurrentFiles) -> Response:
    """Cancel a batch, and show it."""
    batch = batches.cancel(id, files, context.by)
    return context.send_to(f"/batches/{batch.id}")


@routes.post("/{id}/erase")
def erase(id: str, context: CurrentPage, files: CurrentFiles) -> Response:
    """Erase a batch, and show the others."""
    batches.erase(id, files, context.by)
    return context.send_to("/batches")


async def read_errors(files: Files, batch: Batch, by: Caller) -> list[RowError] | None:
    """Return the first errors of a batch, or None while the store does not answer."""
    download = await run_sync(files.errors, str(batch.id), by)
    end = min(download.bytes, ERRORS_READ_BYTES)
    try:
        text = b"".join([piece async for piece in pieces(files.bulk.store, download, 0, end)])
    except StoreUnavailable:
        return None
    lines = text.splitlines() if end == download.bytes else text.splitlines()[:-1]
    return [RowError.model_validate(from_json(line)) for line in lines[:ERRORS_SHOWN]]


def story_of(site: Site, batch: Batch) -> Iterator[Event]:
    """Yield what `progress_of` does, each time as a piece of the batch's page."""
    for event in progress_of(batch):
        shown = event.name == "progress"
        yield replace(event, data=site.write("batch_progress.html", batch=batch)) if shown else event
