"""`scoreline jobs`, `batches`, `cancel` and `delete`: what there is, how far it is, and an end to it."""

from typing import Annotated

import typer

from scoreline_client import Client
from scoreline_client.cli.display import batch_row, job_row, score_row, show, show_one
from scoreline_client.cli.exits import say
from scoreline_client.cli.files import follow, tell_end
from scoreline_client.cli.session import Key, Output, Patience, Session, Shown, Url, connect
from scoreline_client.errors import Unknown
from scoreline_client.wire.models import Batch, BatchPage, Job, JobPage, State

Id = Annotated[str | None, typer.Argument(metavar="[ID]", help="One of them; else all are listed, newest first.")]
InState = Annotated[State | None, typer.Option(help="Those in this state only.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")]
After = Annotated[str | None, typer.Option(metavar="ID", help="List those that are older than this one.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Stay until it has ended; Ctrl-C leaves it.")]
Either = Annotated[str, typer.Argument(help="The job or batch.")]


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
            rows = [score_row(score) for score in job.scores]
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


def cancel(id: Either, output: Shown = None, url: Url = None, api_key: Key = None, patience: Patience = None) -> None:
    """Cancel a job or a batch."""
    with connect(url, api_key, patience, output) as session:
        if isinstance(find(session.client, id), Job):
            job = session.client.cancel_job(id)
            show_one(job.to_dict(), job_row(job), session.output)
        else:
            batch = session.client.cancel_batch(id)
            show_one(batch.to_dict(), batch_row(batch), session.output)


def delete(
    id: Either,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    api_key: Key = None,
    patience: Patience = None,
) -> None:
    """Delete a job or a batch, and its results.

    All that is known of it is erased; asks first.
    """
    with connect(url, api_key, patience) as session:
        found = find(session.client, id)
        kind = "job" if isinstance(found, Job) else "batch"
        if not yes:
            typer.confirm(f"Delete {kind} {found.id}, which is {found.state}, with its results?", abort=True, err=True)
        session.client.erase_job(id) if kind == "job" else session.client.erase_batch(id)
        say(f"{kind} {found.id} is deleted")


def find(client: Client, id: str) -> Job | Batch:
    """Return the job or batch with this id. Raises Unknown."""
    try:
        return client.job(id)
    except Unknown:
        return client.batch(id)
