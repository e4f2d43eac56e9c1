"""The pages of jobs: the list, and one job as it goes."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Response

from api.events.stream import LAST, Event, EventSource, events_of, tell
from api.jobs import routes as jobs
from api.pages.chart import bars_of
from api.pages.site import CurrentPage, Site
from core.ledger.answer import Answer
from core.ledger.job import Job, State
from core.schema.patient import EXAMPLE

LISTED = 20
SCORES_SHOWN = 50

routes = APIRouter(prefix="/jobs", include_in_schema=False)


@routes.get("")
def show_list(context: CurrentPage, state: State | None = None, after: UUID | None = None) -> Response:
    """Show jobs, newest first, in one state or all."""
    page = jobs.page_of(context.gateway, context.by, state, LISTED, after)
    return context.page(
        "jobs.html", page=page, state=state, states=State, after=after, origin=context.origin, example=EXAMPLE
    )


@routes.get("/{id}")
async def show(id: str, context: CurrentPage) -> Response:
    """Show a job: its state, and its first scores once it succeeded."""
    answer = await run_sync(context.gateway.ledger.answer, jobs.job_id(id), context.by)
    return context.page("job.html", **told_of(await context.gateway.answers.show(answer, context.by.key)))


@routes.get("/{id}/live")
async def live(id: str, context: CurrentPage) -> Response:
    """Stream what the job's page shows of its state, as `GET /v1/jobs/{id}/events` streams the state itself."""
    here, events = context.gateway, partial(story_of, context.site)
    read = partial(here.ledger.answer, by=context.by)
    return await tell(context.request, here.answers, EventSource(jobs.job_id(id), here.watcher, read, events, LAST))


@routes.post("/{id}/cancel")
def cancel(id: str, context: CurrentPage) -> Response:
    """Cancel a job, and show it."""
    job = jobs.cancel(id, context.gateway, context.by)
    return context.send_to(f"/jobs/{job.id}")


@routes.post("/{id}/erase")
def erase(id: str, context: CurrentPage) -> Response:
    """Erase a job, and show the others."""
    jobs.erase(id, context.gateway, context.by)
    return context.send_to("/jobs")


def told_of(job: Job) -> dict[str, Any]:
    """Return what the templates are told of a job."""
    return {"job": job, "bars": bars_of(job), "shown": SCORES_SHOWN}


def story_of(site: Site, answer: Answer) -> Iterator[Event]:
    """Yield a job's last state as a piece of its page, and the end; numbered as `events_of` does."""
    job, told = answer.job, [event for event in events_of(answer) if event.name == "state"]
    yield Event(told[-1].number, "progress", site.write("job_progress.html", job=job))
    if job.state.ended:
        yield Event(LAST, "end", "{}")
