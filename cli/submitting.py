"""`scoreline submit`: a file, as one batch."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.configuration import Key, Patience, Shown, Url
from cli.display import show_one
from cli.exits import say
from cli.following import follow, tell_end
from cli.records import batch_row
from cli.session import connect
from scoreline_client import FileOptions
from scoreline_client.wire.models import Join, OnError


def submit(
    file: Annotated[Path, typer.Argument(help="CSV with a header, or JSON Lines, gzipped or not; `-` reads a pipe.")],
    follow_it: Annotated[
        bool, typer.Option("--follow", "-f", help="Stay until it is scored; Ctrl-C leaves it.")
    ] = False,
    format: Annotated[
        Literal["csv", "jsonl"] | None, typer.Option(help="How it is written, where its name does not say.")
    ] = None,
    on_error: Annotated[OnError | None, typer.Option(help="Whether one row that is no patient fails it all.")] = None,
    error_limit: Annotated[int | None, typer.Option(min=0, help="More rejected rows than this fail it.")] = None,
    join: Annotated[Join | None, typer.Option(help="What stands before the scores: the row, or its id.")] = None,
    id_column: Annotated[str | None, typer.Option(help="The column, or key, of the id.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Of a CSV: one of , ; | and tab.")] = None,
    callback_url: Annotated[str | None, typer.Option(help="Told once it has ended.")] = None,
    model_version: Annotated[str | None, typer.Option(help="Fail unless this very model scores it.")] = None,
    output: Shown = None,
    url: Url = None,
    api_key: Key = None,
    patience: Patience = None,
) -> None:
    """Submit a file of any size as one batch."""
    stated = {
        "format": format,
        "on_error": on_error,
        "error_limit": error_limit,
        "join": join,
        "id_column": id_column,
        "delimiter": delimiter,
        "callback_url": callback_url,
        "model_version": model_version,
    }
    asked = FileOptions(**{name: value for name, value in stated.items() if value is not None})  # type: ignore[typeddict-item]
    with connect(url, api_key, patience, output) as session:
        source = sys.stdin.buffer if str(file) == "-" else file
        send = partial(session.client.submit_file, source, wait_s=0 if not follow_it else float("inf"), **asked)
        batch = follow(session, lambda show: send(on_progress=show)) if follow_it else send()
        if follow_it:
            say(tell_end(session, batch))
        else:
            say(f"follow it with {session.call(f'batches {batch.id} --follow')}")
        show_one(batch.to_dict(), batch_row(batch), session.output)
