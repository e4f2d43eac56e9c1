"""The first page: the form for a patient and the resulting risk, and the upload of files."""

from fastapi import APIRouter, Response

from api.http.problem import problem_of
from api.jobs.body import parse_row
from api.pages.chart import make_bars
from api.pages.patient_form import Entered, make_example, make_inputs, read_entered, to_body
from api.pages.site import CurrentPage, PageContext
from core.errors import ScorelineError
from core.ids import new_id
from core.ledger.protocol import NewJob

routes = APIRouter(include_in_schema=False)


@routes.get("/")
async def show_home(context: CurrentPage, sample: bool = False) -> Response:
    """Show the form, empty or with the example patient."""
    return context.render_page("home.html", inputs=make_inputs(make_example() if sample else None))


@routes.post("/")
async def score_patient(context: CurrentPage) -> Response:
    """Score the entered patient, and show the risk with its explanation.

    Errors are shown beside the form. The patient is a job like any other, which is not lost if it takes long.
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
        return render_refusal(context, entered, error)
    job = answer.to_job()
    return context.render_page("home.html", inputs=make_inputs(entered), job=job, bars=make_bars(job))


def render_refusal(context: PageContext, entered: Entered, error: ScorelineError) -> Response:
    """Return the page with the error, each fault beside its field."""
    problem = problem_of(error).problem
    return context.render_page("home.html", problem.status, inputs=make_inputs(entered, error.errors), problem=problem)
