"""What is done with files and batches, as plans."""

import time
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from scoreline_client.jobs import OPEN, quote_key
from scoreline_client.options import FileOptions, OnProgress, Progress
from scoreline_client.source import Source
from scoreline_client.steps import Pause, Send, Service, Steps, ask, ask_as, make_pauses, read_json
from scoreline_client.wire.api.batches import batches_cancel, batches_list, batches_read, batches_upload
from scoreline_client.wire.models import Batch, BatchPage, State
from scoreline_client.wire.types import UNSET

LONGEST_PAUSE_S = 1.0
"""Between two looks at how far a batch is."""


def submit(
    service: Service, file: Path | BinaryIO, wait_s: float, on_progress: OnProgress, options: FileOptions
) -> Steps[Batch]:
    """Upload a file as one batch, exactly once however often it must be sent; return it, ended if that is in time.

    Raises BrokenOff for a pipe that was cut off.
    """
    end_s, source = time.monotonic() + wait_s, Source(file, options, on_progress)
    request = batches_upload._get_kwargs(
        on_error=options.get("on_error", UNSET),
        error_limit=options.get("error_limit", UNSET),
        join=options.get("join", UNSET),
        id_column=options.get("id_column", UNSET),
        delimiter=options.get("delimiter", UNSET),
        callback_url=options.get("callback_url", UNSET),
        model_version=options.get("model_version", UNSET),
        idempotency_key=quote_key(options.get("key")),
    )
    request["headers"] |= source.headers
    reply = yield from ask(service, Send(request, body=source.open))
    batch = read_json(reply, Batch.from_dict)
    on_progress(Progress(source.sent_bytes, source.size_bytes, batch))
    if wait_s <= 0:
        return batch
    return (yield from wait(service, batch.id, end_s - time.monotonic(), on_progress, source))


def wait(
    service: Service, id: UUID | str, within_s: float, on_progress: OnProgress, source: Source | None = None
) -> Steps[Batch]:
    """Return the batch once it has ended, or as it is after `within_s` seconds."""
    end_s, pauses = time.monotonic() + within_s, make_pauses()
    while True:
        batch = yield from find(service, id)
        sent_bytes = source.sent_bytes if source else batch.bytes_
        on_progress(Progress(sent_bytes, source.size_bytes if source else sent_bytes, batch))
        pause_s = min(next(pauses), LONGEST_PAUSE_S, end_s - time.monotonic())
        if batch.state not in OPEN or pause_s <= 0:
            return batch
        yield Pause(pause_s)


def find(service: Service, id: UUID | str) -> Steps[Batch]:
    """Return the batch."""
    return ask_as(service, batches_read._get_kwargs(str(id)), Batch.from_dict)


def page(service: Service, state: State | None, limit: int, after: UUID | str | None) -> Steps[BatchPage]:
    """Return batches, newest first."""
    older = UUID(str(after)) if after else None
    return ask_as(service, batches_list._get_kwargs(state=state, limit=limit, after=older), BatchPage.from_dict)


def cancel(service: Service, id: UUID | str) -> Steps[Batch]:
    """Cancel the batch and return it."""
    return ask_as(service, batches_cancel._get_kwargs(str(id)), Batch.from_dict)
