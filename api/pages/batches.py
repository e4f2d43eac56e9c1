"""The pages of batches: the upload, the list, and one batch with its progress."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Response
from pydantic import BaseModel
from pydantic_core import from_json

from api.batches import routes as batches
from api.batches.download import read_pieces
from api.batches.service import CurrentFiles, Files
from api.events.stream import LAST_BATCH_EVENT, Event, EventSource, make_progress_events, respond_with_events
from api.pages.jobs import PAGE_SIZE
from api.pages.site import CurrentPage, Site
from core.errors import StoreUnavailable
from core.ledger.batch import Batch
from core.ledger.job import State
from core.ledger.key import Caller

ERROR_LIMIT = 20
ERRORS_READ_BYTES = 16_384  # read of the errors, of which the page shows the first

routes = APIRouter(prefix="/batches", include_in_schema=False)


class RowError(BaseModel):
    """One line of a batch's errors; `column` is null if the whole row is invalid."""

    line: int
    column: str | None
    code: str
    message: str


@routes.get("")
def show_list(
    context: CurrentPage, files: CurrentFiles, state: State | None = None, after: UUID | None = None
) -> Response:
    """Show batches, newest first, in one state or all."""
    page = batches.read_page(files, context.by, state, PAGE_SIZE, after)
    return context.render_page("batches.html", page=page, state=state, states=State, after=after)


@routes.post("")
async def upload(context: CurrentPage, files: CurrentFiles) -> Response:
    """Upload a file, and redirect to its batch."""
    batch, _ = await files.create_batch(context.request)
    return context.redirect_to(f"/batches/{batch.id}")


@routes.get("/{id}")
async def show_batch(id: str, context: CurrentPage, files: CurrentFiles) -> Response:
    """Show a batch: its progress, its results, and its first errors."""
    batch = await run_sync(files.bulk.batches.read, batches.parse_batch_id(id), context.by)
    errors = await read_errors(files, batch, context.by) if batch.counts.rejected else []
    return context.render_page("batch.html", batch=batch, errors=errors, error_limit=ERROR_LIMIT)


@routes.get("/{id}/live")
async def stream_progress(id: str, context: CurrentPage, files: CurrentFiles) -> Response:
    """Stream the progress for the batch's page as HTML, like `GET /v1/batches/{id}/events` does as JSON."""
    events, read = partial(make_page_events, context.site), partial(files.bulk.batches.read, by=context.by)
    source = EventSource(batches.parse_batch_id(id), files.watcher, read, events, LAST_BATCH_EVENT)
    return await respond_with_events(context.request, files.answers, source)


@routes.post("/{id}/cancel")
def cancel(id: str, context: CurrentPage, files: CurrentFiles) -> Response:
    """Cancel a batch, and redirect to it."""
    batch = batches.cancel(id, files, context.by)
    return context.redirect_to(f"/batches/{batch.id}")


@routes.post("/{id}/erase")
def erase(id: str, context: CurrentPage, files: CurrentFiles) -> Response:
    """Erase a batch, and redirect to the list."""
    batches.erase(id, files, context.by)
    return context.redirect_to("/batches")


async def read_errors(files: Files, batch: Batch, by: Caller) -> list[RowError] | None:
    """Return the first errors of a batch, or None if the store is unavailable."""
    download = await run_sync(files.find_errors, str(batch.id), by)
    end = min(download.bytes, ERRORS_READ_BYTES)
    try:
        text = b"".join([piece async for piece in read_pieces(files.bulk.store, download, 0, end)])
    except StoreUnavailable:
        return None
    lines = text.splitlines() if end == download.bytes else text.splitlines()[:-1]
    return [RowError.model_validate(from_json(line)) for line in lines[:ERROR_LIMIT]]


def make_page_events(site: Site, batch: Batch) -> Iterator[Event]:
    """Yield the batch's progress events, with HTML for its page as their data."""
    for event in make_progress_events(batch):
        is_progress = event.name == "progress"
        yield replace(event, data=site.render("batch_progress.html", batch=batch)) if is_progress else event
