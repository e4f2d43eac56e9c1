"""`scoreline cancel` and `scoreline delete`: of a job or a batch, whichever has the id."""

from typing import Annotated

import typer

from cli.configuration import Key, Patience, Shown, Url
from cli.display import show_one
from cli.exits import say
from cli.records import batch_row, job_row
from cli.session import connect
from scoreline_client import Client
from scoreline_client.errors import Unknown
from scoreline_client.wire.models import Batch, Job

Id = Annotated[str, typer.Argument(help="The job or batch.")]


def cancel(id: Id, output: Shown = None, url: Url = None, api_key: Key = None, patience: Patience = None) -> None:
    """Cancel a job or a batch."""
    with connect(url, api_key, patience, output) as session:
        if isinstance(find(session.client, id), Job):
            job = session.client.cancel_job(id)
            show_one(job.to_dict(), job_row(job), session.output)
        else:
            batch = session.client.cancel_batch(id)
            show_one(batch.to_dict(), batch_row(batch), session.output)


def delete(
    id: Id,
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
