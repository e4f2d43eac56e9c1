"""`scoreline submit`, `results` and `errors`: a file as one batch, followed to its end, and what came of it."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, BinaryIO, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from scoreline_client import FileOptions
from scoreline_client import Progress as Standing
from scoreline_client.cli.display import batch_row, show_csv, show_one, show_table
from scoreline_client.cli.exits import INTERRUPTED, end, say
from scoreline_client.cli.session import Key, Output, Patience, Session, Shown, Url, connect
from scoreline_client.errors import NotScored
from scoreline_client.wire.models import Batch, Format, Join, OnError

COLUMNS = ("line", "column", "code", "message")
MEGA = 1_000_000

Id = Annotated[str, typer.Argument(metavar="ID", help="The batch.")]
Out = Annotated[Path | None, typer.Option(help="A file for it, which is there once it is whole.")]


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


class Bars:
    """Two bars on standard error, if that is a terminal: what is sent, and what is scored."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[detail]}"),
        )
        self._shown = Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
        self._sending = self._shown.add_task("sent  ", total=None, detail="")
        self._scoring = self._shown.add_task("scored", total=None, detail="", start=False)
        self.batch: Batch | None = None
        """The batch as it was last seen."""

    def __enter__(self) -> "Bars":
        self._shown.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._shown.stop()

    def show(self, standing: Standing) -> None:
        """Show how far it is."""
        self._shown.update(
            self._sending,
            completed=standing.sent_bytes,
            total=standing.sent_bytes if standing.batch else standing.size_bytes,
            detail=f"{standing.sent_bytes / MEGA:,.1f} MB",
        )
        if standing.batch:
            if not self.batch:
                self._shown.start_task(self._scoring)
            self.batch, counts = standing.batch, standing.batch.counts
            pace = f", {self.batch.rows_per_s:,.0f} rows/s" if self.batch.rows_per_s else ""
            detail = f"{counts.rows:,} rows{pace}"
            self._shown.update(self._scoring, completed=counts.parts_done, total=counts.parts, detail=detail)


def follow(session: Session, work: Callable[[Callable[[Standing], None]], Batch]) -> Batch:
    """Do the work, which is called with what shows its progress, and return the batch once it has ended.

    Ctrl-C leaves the batch running, and says how to come back. Raises NotScored if it ended otherwise than well.
    """
    bars = Bars()
    try:
        with bars:
            batch = work(bars.show)
    except KeyboardInterrupt:
        if not bars.batch:
            raise end(INTERRUPTED, "the upload was broken off, and nothing of it is kept.") from None
        back = session.call(f"batches {bars.batch.id} --follow")
        raise end(INTERRUPTED, f"the batch goes on: come back to it with {back}.") from None
    if batch.state != "succeeded":
        raise NotScored(f"the batch {batch.state}" + (f": {batch.error.message}" if batch.error else "."))
    return batch


def tell_end(session: Session, batch: Batch) -> str:
    """Return what to say of a batch that succeeded: what came of it, and how to get it."""
    counts = batch.counts
    lines = [f"{counts.scored:,} rows scored: {session.call(f'results {batch.id} --out scores.csv')}"]
    if counts.rejected:
        lines.append(f"{counts.rejected:,} rows rejected: {session.call(f'errors {batch.id}')}")
    return "\n".join(lines)


def results(
    id: Id,
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


def errors(id: Id, output: Shown = None, url: Url = None, api_key: Key = None, patience: Patience = None) -> None:
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
