"""Batches over HTTP: upload, read, list, results, errors, cancel, erase."""

from functools import partial
from typing import Annotated
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from api.auth.credentials import CurrentCaller
from api.batches.download import MEDIA_TYPES, Download, choose_conversion, choose_format, send_download
from api.batches.options import Options
from api.batches.results import Conversion
from api.batches.service import CurrentFiles, Files
from api.batches.upload_parser import MULTIPART
from api.http.openapi import describe_query
from api.http.problem import Responses, describe_problems
from api.http.query import CheckedQueryRoute
from api.jobs.answers import CapacityResponse
from api.jobs.options import IDEMPOTENCY_KEY, PRIORITY, RANGE
from api.jobs.routes import LISTED_BYTES, RETRY_AFTER_S
from core.errors import EndedBatch, LostResults, StoreUnavailable, UnknownBatch
from core.ledger.batch import Batch, Format
from core.ledger.job import State
from core.ledger.key import Caller

routes = APIRouter(prefix="/v1/batches", tags=["batches"], route_class=CheckedQueryRoute)


class BatchPage(BaseModel):
    """Batches, newest first; the next page is asked for with `after` set to `last_id`."""

    data: list[Batch]
    has_more: bool
    last_id: UUID | None


FILE = {"type": "string", "format": "binary"}
UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": FILE},
            "application/x-ndjson": {"schema": FILE},
            MULTIPART: {"schema": {"type": "object", "properties": {"file": FILE}, "required": ["file"]}},
        },
    },
    "parameters": [*describe_query(Options), IDEMPOTENCY_KEY, PRIORITY],
}
LINES = {MEDIA_TYPES[Format.JSONL]: {"schema": FILE}}
ANY_FORMAT = {type: {"schema": FILE} for type in MEDIA_TYPES.values()}
PART = {"description": "The part that `Range` asks for; `Content-Range` says which it is"}
FILES: Responses = {200: {"description": "The file", "content": ANY_FORMAT}, 206: {**PART, "content": ANY_FORMAT}}
ERRORS: Responses = {200: {"content": LINES}, 206: {**PART, "content": LINES}}


@routes.post(
    "",
    status_code=202,
    response_model=Batch,
    responses=describe_problems(400, 408, 413, 415, 422, 429, 503),
    openapi_extra=UPLOAD,
)
async def upload(request: Request, files: CurrentFiles) -> Response:
    """Upload a file of patients, CSV with a header or JSON Lines, of any size; as the body, or in a form.

    Each may be gzip-encoded. Answered once all of it is written down: from then on no row is lost. The header is
    checked before anything is kept, and an upload that breaks off leaves nothing behind. Options stand in the query, or
    in fields of the form before the file. With an `Idempotency-Key` a repeat with the same file and options answers the
    same batch.
    """
    batch, replayed = await files.create_batch(request)
    headers = {"Location": batch.links["self"], "Retry-After": str(RETRY_AFTER_S)}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(batch.model_dump_json(), 202, headers, media_type="application/json")


@routes.get("/{id}", response_model=Batch, responses=describe_problems(404, 410, 500, 503))
def read(id: str, files: CurrentFiles, by: CurrentCaller) -> Response:
    """Read a batch: its state, and how much of it is done."""
    batch = files.bulk.batches.read(parse_batch_id(id), by)
    headers = {} if batch.state.ended else {"Retry-After": str(RETRY_AFTER_S)}
    return Response(batch.model_dump_json(), 200, headers, media_type="application/json")


@routes.get("", name="list", response_model=BatchPage, responses=describe_problems(422, 429, 503))
async def list_batches(
    files: CurrentFiles,
    by: CurrentCaller,
    state: State | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
    after: UUID | None = None,
) -> Response:
    """List batches, newest first: those in one state or all, `limit` at a time, older than the batch `after`."""
    return files.answers.respond_when_made(
        partial(read_page, files, by, state, limit, after), by.key, limit * LISTED_BYTES
    )


def read_page(files: Files, by: Caller, state: State | None, limit: int, after: UUID | None) -> BatchPage:
    """Return one page of the list. Raises LedgerUnavailable."""
    page = files.bulk.batches.page(state=state, limit=limit, after=str(after) if after else None, by=by)
    return BatchPage(data=page.items, has_more=page.has_more, last_id=page.items[-1].id if page.items else None)


@routes.get(
    "/{id}/results",
    response_class=Response,
    responses={**FILES, **describe_problems(404, 410, 416, 422, 429, 503)},
    openapi_extra={"parameters": [RANGE]},
)
async def results(
    id: str,
    request: Request,
    files: CurrentFiles,
    by: CurrentCaller,
    format: Format | None = None,
    spreadsheet_safe: bool = False,
) -> Response:
    """Download the rows with their scores, in their order: every column as it was sent, then those of the score.

    The format is that in the query, else the first in `Accept` that there is, else that of the file. A part of a file
    that is sent as it is can be asked for with `Range`. Before the batch has ended these are the rows done so far. With
    `spreadsheet_safe` no cell of a CSV is run by a spreadsheet.
    """
    form = await run_sync(files.bulk.batches.form, parse_batch_id(id), by)
    wanted = format or choose_format(request, form.format)
    find = partial(files.find_results, parse_batch_id(id), form, wanted, by, spreadsheet_safe=spreadsheet_safe)
    download = await run_sync(find)
    conversion = choose_conversion(download.format, form, spreadsheet_safe, download.row_bytes)
    return respond_with_file(request, files, by, download, conversion)


@routes.get(
    "/{id}/errors",
    response_class=Response,
    responses={**ERRORS, **describe_problems(404, 410, 416, 429, 503)},
    openapi_extra={"parameters": [RANGE]},
)
async def errors(id: str, request: Request, files: CurrentFiles, by: CurrentCaller) -> Response:
    """Download what is wrong with the rejected rows, as lines of JSON: line, column, code, message."""
    return respond_with_file(request, files, by, await run_sync(files.find_errors, parse_batch_id(id), by))


def respond_with_file(
    request: Request, files: Files, by: Caller, download: Download, conversion: Conversion | None = None
) -> Response:
    """Return the response that streams the file, as `send_download` does, once there is capacity for it.

    Besides what `CapacityResponse` and `send_download` raise, it raises UnknownBatch, ExpiredBatch and LostResults.
    """

    async def open_download() -> Response:
        try:
            return await send_download(request, files.bulk.store, download, conversion)
        except (FileNotFoundError, StoreUnavailable) as error:
            # This raises if the batch was erased or has expired since.
            await run_sync(files.bulk.batches.read, parse_batch_id(request.path_params["id"]))
            raise error if isinstance(error, StoreUnavailable) else LostResults from None

    return CapacityResponse(files.answers.reserve(by.key, download.memory_bytes(conversion)), open_download)


@routes.post("/{id}/cancel", responses=describe_problems(404, 409, 410, 503))
def cancel(id: str, files: CurrentFiles, by: CurrentCaller) -> Batch:
    """Cancel a batch; the parts that are done stay. One that is being scored is canceled at its next part."""
    batch = files.bulk.batches.cancel(parse_batch_id(id), by)
    if batch.state is not State.CANCELED:
        raise EndedBatch
    return batch


@routes.delete("/{id}", status_code=204, responses=describe_problems(404, 410, 503))
def erase(id: str, files: CurrentFiles, by: CurrentCaller) -> None:
    """Erase a batch with its file and its results, whatever its state; from then on it is unknown."""
    files.bulk.batches.erase(parse_batch_id(id), by)


def parse_batch_id(text: str) -> str:
    """Return the id in the form of the ledger. Raises UnknownBatch if the text is not a UUID."""
    try:
        return str(UUID(text))
    except ValueError:
        raise UnknownBatch from None
