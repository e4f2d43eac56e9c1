"""Follows a batch to its end: two bars on a terminal, and a sentence when it is over."""

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cli.exits import INTERRUPTED, end
from cli.session import Session
from scoreline_client import Progress as Standing
from scoreline_client.errors import NotScored
from scoreline_client.wire.models import Batch

MEGA = 1_000_000


class Bars:
    """Two bars on standard error, if that is a terminal: what is sent, and what is scored."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[told]}")
        self._shown = Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
        self._sending = self._shown.add_task("sent  ", total=None, told="")
        self._scoring = self._shown.add_task("scored", total=None, told="", start=False)
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
            told=f"{standing.sent_bytes / MEGA:,.1f} MB",
        )
        if standing.batch:
            if not self.batch:
                self._shown.start_task(self._scoring)
            self.batch, counts = standing.batch, standing.batch.counts
            pace = f", {self.batch.rows_per_s:,.0f} rows/s" if self.batch.rows_per_s else ""
            told = f"{counts.rows:,} rows{pace}"
            self._shown.update(self._scoring, completed=counts.parts_done, total=counts.parts, told=told)


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
