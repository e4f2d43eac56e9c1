"""`scoreline results` and `scoreline errors`: what came of a batch."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, BinaryIO

import typer

from cli.configuration import Key, Output, Patience, Shown, Url
from cli.display import show_csv, show_table
from cli.exits import say
from cli.session import connect
from scoreline_client.wire.models import Format

COLUMNS = ("line", "column", "code", "message")
Batch = Annotated[str, typer.Argument(metavar="ID", help="The batch.")]
Out = Annotated[Path | None, typer.Option(help="A file for it, which is there once it is whole.")]


def results(
    id: Batch,
    out: Out = None,
    format: Annotated[Format | None, typer.Option(help="Else that of the file that was sent.")] = None,
    spreadsheet_safe: Annotated[bool, typer.Option(help="Let no cell of a CSV be run by a spreadsheet.")] = False,
    url: Url = None,
    api_key: Key = None,
    patience: Patience = None,
) -> None:
    """Download the rows of a batch with their scores.

    To standard output, or a file; a download that breaks off is gone on with.
    """
    if format == "parquet" and not out and sys.stdout.isatty():
        raise typer.BadParameter("Parquet is nothing to read: name a file with --out.")
    with connect(url, api_key, patience) as session, opened(out) as file:
        batch = session.client.batch(id)
        if batch.state in ("queued", "running"):
            say(f"the batch is {batch.state}: these are the rows that are done so far.")
        session.client.results(id, file, format=format, spreadsheet_safe=spreadsheet_safe)


def errors(id: Batch, output: Shown = None, url: Url = None, api_key: Key = None, patience: Patience = None) -> None:
    """Show what is wrong with the rejected rows.

    Their line, column, code and message, never a value; as JSON, one a line.
    """
    with connect(url, api_key, patience, output) as session, TemporaryFile() as kept:
        session.client.errors(id, sys.stdout.buffer if session.output is Output.JSON else kept)
        if session.output is not Output.JSON:
            kept.seek(0)
            write = show_csv if session.output is Output.CSV else show_table
            write(map(json.loads, kept), COLUMNS)


@contextmanager
def opened(path: Path | None) -> Iterator[BinaryIO]:
    """Give standard output, or a file that takes its name only when it is whole."""
    if not path:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
