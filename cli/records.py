"""`scoreline jobs` and `scoreline batches`: what there is, and how far it is."""

from typing import Annotated

import typer

from cli.configuration import Key, Output, Patience, Shown, Url
from cli.display import Row, show, show_one
from cli.exits import say
from cli.following import follow, tell_end
from cli.scoring import to_row
from cli.session import Session, connect
from scoreline_client.wire.models import Batch, BatchPage, Job, JobError, JobPage, State

Id = Annotated[str | None, typer.Argument(metavar="[ID]", help="One of them; else all are listed, newest first.")]
InState = Annotated[State | None, typer.Option(help="Those in this state only.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")]
After = Annotated[str | None, typer.Option(metavar="ID", help="List those that are older than this one.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Stay until it has ended; Ctrl-C leaves it.")]


def jobs(
    id: Id = None,
    state: InState = None,
    limit: Limit = 20,
    after: After = None,
    output: Shown = None,
    url: Url = None,
    api_key: Key = None,
    patience: Patience = None,
) -> None:
    """List jobs, or show one with its scores."""
    with connect(url, api_key, patience, output) as session:
        if not id:
            show_page(session, "jobs", session.client.jobs(state, limit, after))
            return
        job = session.client.job(id)
        show_one(job.to_dict(), job_row(job), session.output)
        if job.scores and session.output is Output.TABLE:
            rows = [to_row(score) for score in job.scores]
            show(None, rows, list(rows[0]), session.output)


def batches(
    id: Id = None,
    follow_it: Follow = False,
    state: InState = None,
    limit: Limit = 20,
    after: After = None,
    output: Shown = None,
    url: Url = None,
    api_key: Key = None,
    patience: Patience = None,
) -> None:
    """List batches, or show one, or follow it to its end."""
    if follow_it and not id:
        raise typer.BadParameter("--follow needs the ID of a batch.")
    with connect(url, api_key, patience, output) as session:
        if not id:
            show_page(session, "batches", session.client.batches(state, limit, after))
            return
        if follow_it:
            batch = follow(session, lambda show: session.client.wait_for_batch(id, on_progress=show))
            say(tell_end(session, batch))
        else:
            batch = session.client.batch(id)
        show_one(batch.to_dict(), batch_row(batch), session.output)


def show_page(session: Session, command: str, page: JobPage | BatchPage) -> None:
    """Show a page of jobs or batches, and say how to get the next one."""
    rows = [job_row(each) if isinstance(each, Job) else batch_row(each) for each in page.data]
    show([each.to_dict() for each in page.data], rows, list(rows[0]) if rows else [], session.output)
    if page.has_more:
        say(f"there are more: {session.call(f'{command} --after {page.last_id}')}")


def job_row(job: Job) -> Row:
    """Return what a line of a table says of a job."""
    return {
        "id": job.id,
        "state": job.state,
        "patients": job.patients,
        "accepted_at": job.accepted_at.isoformat(timespec="seconds"),
        "finished_at": job.finished_at.isoformat(timespec="seconds") if job.finished_at else None,
        "error": why(job.error),
    }


def batch_row(batch: Batch) -> Row:
    """Return what a line of a table says of a batch."""
    counts = batch.counts
    return {
        "id": batch.id,
        "state": batch.state,
        "rows": counts.rows,
        "scored": counts.scored,
        "rejected": counts.rejected,
        "parts": f"{counts.parts_done}/{counts.parts}",
        "rows_per_s": round(batch.rows_per_s) if batch.rows_per_s else None,
        "accepted_at": batch.accepted_at.isoformat(timespec="seconds"),
        "finished_at": batch.finished_at.isoformat(timespec="seconds") if batch.finished_at else None,
        "error": why(batch.error),
    }


def why(error: JobError | None) -> str | None:
    """Return why it failed."""
    return error.code if error else None
