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
def show_list(visit: CurrentPage, state: State | None = None, after: UUID | None = None) -> Response:
    """Show jobs, newest first, in one state or all."""
    page = jobs.page_of(visit.gateway, visit.by, state, LISTED, after)
    return visit.page(
        "jobs.html", page=page, state=state, states=State, after=after, origin=visit.origin, example=EXAMPLE
    )


@routes.get("/{id}")
async def show(id: str, visit: CurrentPage) -> Response:
    """Show a job: its state, and its first scores once it succeeded."""
    answer = await run_sync(visit.gateway.ledger.answer, jobs.job_id(id), visit.by)
    return visit.page("job.html", **told_of(await visit.gateway.answers.show(answer, visit.by.key)))


@routes.get("/{id}/live")
async def live(id: str, visit: CurrentPage) -> Response:
    """Stream what the job's page shows of its state, as `GET /v1/jobs/{id}/events` streams the state itself."""
    here, events = visit.gateway, partial(story_of, visit.site)
    read = partial(here.ledger.answer, by=visit.by)
    return await tell(visit.request, here.answers, EventSource(jobs.job_id(id), here.notices, read, events, LAST))


@routes.post("/{id}/cancel")
def cancel(id: str, visit: CurrentPage) -> Response:
    """Cancel a job, and show it."""
    job = jobs.cancel(id, visit.gateway, visit.by)
    return visit.send_to(f"/jobs/{job.id}")


@routes.post("/{id}/erase")
def erase(id: str, visit: CurrentPage) -> Response:
    """Erase a job, and show the others."""
    jobs.erase(id, visit.gateway, visit.by)
    return visit.send_to("/jobs")


def told_of(job: Job) -> dict[str, Any]:
    """Return what the templates are told of a job."""
    return {"job": job, "bars": bars_of(job), "shown": SCORES_SHOWN}


def story_of(site: Site, answer: Answer) -> Iterator[Event]:
    """Yield a job's last state as a piece of its page, and the end; numbered as `events_of` does."""
    job, told = answer.job, [event for event in events_of(answer) if event.name == "state"]
    yield Event(told[-1].number, "progress", site.write("job_progress.html", job=job))
    if job.state.ended:
        yield Event(LAST, "end", "{}")
