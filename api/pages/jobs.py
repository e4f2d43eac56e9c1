"""The pages of jobs: the list, and one job with its progress."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Response

from api.events.stream import LAST_EVENT, Event, EventSource, make_job_events, respond_with_events
from api.jobs import routes as jobs
from api.pages.chart import make_bars
from api.pages.site import CurrentPage, Site
from core.ledger.answer import Answer
from core.ledger.job import Job, State
from core.schema.patient import EXAMPLE

PAGE_SIZE = 20
SCORE_LIMIT = 50

routes = APIRouter(prefix="/jobs", include_in_schema=False)


@routes.get("")
def show_list(context: CurrentPage, state: State | None = None, after: UUID | None = None) -> Response:
    """Show jobs, newest first, in one state or all."""
    page = jobs.read_page(context.gateway, context.by, state, PAGE_SIZE, after)
    return context.render_page(
        "jobs.html", page=page, state=state, states=State, after=after, origin=context.origin, example=EXAMPLE
    )


@routes.get("/{id}")
async def show_job(id: str, context: CurrentPage) -> Response:
    """Show a job: its state, and its first scores once it succeeded."""
    answer = await run_sync(context.gateway.ledger.answer, jobs.parse_job_id(id), context.by)
    return context.render_page(
        "job.html", **job_values(await context.gateway.answers.preview_job(answer, context.by.key))
    )


@routes.get("/{id}/live")
async def stream_progress(id: str, context: CurrentPage) -> Response:
    """Stream the state for the job's page as HTML, like `GET /v1/jobs/{id}/events` does as JSON."""
    gateway, events = context.gateway, partial(make_page_events, context.site)
    read = partial(gateway.ledger.answer, by=context.by)
    return await respond_with_events(
        context.request, gateway.answers, EventSource(jobs.parse_job_id(id), gateway.watcher, read, events, LAST_EVENT)
    )


@routes.post("/{id}/cancel")
def cancel(id: str, context: CurrentPage) -> Response:
    """Cancel a job, and redirect to it."""
    job = jobs.cancel(id, context.gateway, context.by)
    return context.redirect_to(f"/jobs/{job.id}")


@routes.post("/{id}/erase")
def erase(id: str, context: CurrentPage) -> Response:
    """Erase a job, and redirect to the list."""
    jobs.erase(id, context.gateway, context.by)
    return context.redirect_to("/jobs")


def job_values(job: Job) -> dict[str, Any]:
    """Return the values that the template of a job needs."""
    return {"job": job, "bars": make_bars(job), "score_limit": SCORE_LIMIT}


def make_page_events(site: Site, answer: Answer) -> Iterator[Event]:
    """Yield a job's latest state as HTML for its page, and the end, with the numbers of `make_job_events`."""
    job, states = answer.job, [event for event in make_job_events(answer) if event.name == "state"]
    yield Event(states[-1].number, "progress", site.render("job_progress.html", job=job))
    if job.state.ended:
        yield Event(LAST_EVENT, "end", "{}")
