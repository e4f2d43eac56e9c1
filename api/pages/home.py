"""The first page: a patient's form, and the risk that is made of it; and where files are dropped."""

from fastapi import APIRouter, Response

from api.http.problem import problem_of
from api.jobs.body import parse_row
from api.pages.chart import bars_of
from api.pages.patient_form import Entered, example, make_inputs, read_entered, to_body
from api.pages.site import CurrentPage, PageContext
from core.errors import ScorelineError
from core.ids import new_id
from core.ledger.protocol import NewJob

routes = APIRouter(include_in_schema=False)


@routes.get("/")
async def home(context: CurrentPage, sample: bool = False) -> Response:
    """Show the form: empty, or with the example patient in it."""
    return context.page("home.html", inputs=make_inputs(example() if sample else None))


@routes.post("/")
async def score(context: CurrentPage) -> Response:
    """Score the patient that was entered, and show the risk and how it comes about.

    Whatever goes wrong is told beside what was entered. It is a job like any other: one that takes long is not lost.
    """
    entered: Entered = {}
    try:
        entered = await read_entered(context.request)
        new = NewJob(
            new_id(), [parse_row(to_body(entered))], explain=True, by=context.by, waiter=context.gateway.waiter
        )
        within_s = context.gateway.settings.prediction_wait_s
        answer, _ = await context.gateway.submit_and_wait(new, within_s, context.request)
    except ScorelineError as error:
        return refused(context, entered, error)
    job = answer.to_job()
    return context.page("home.html", inputs=make_inputs(entered), job=job, bars=bars_of(job))


def refused(context: PageContext, entered: Entered, error: ScorelineError) -> Response:
    """Return the page that says what is wrong, each fault beside its field."""
    problem = problem_of(error).problem
    return context.page("home.html", problem.status, inputs=make_inputs(entered, error.errors), problem=problem)
