"""`POST /api/prediction`, the interface of this project's predecessor: one patient in, the score out, at once."""

from fastapi import APIRouter, Request, Response

from api.auth.credentials import caller_of
from api.gateway import CurrentGateway
from api.http.problem import describe_problems
from api.http.query import CheckedQueryRoute
from api.jobs.body import parse_row, read_body
from api.jobs.options import PRIORITY, read_priority
from api.jobs.routes import Explain, ModelVersion, describe_body, respond_accepted
from core.errors import ScoringFailed, UnservedModel
from core.ids import new_id
from core.ledger.job import Job, State
from core.ledger.protocol import NewJob
from core.schema.patient import EXAMPLE, Patient
from core.schema.score import Score
from monitoring.log import trace

routes = APIRouter(prefix="/api", tags=["prediction"], route_class=CheckedQueryRoute)


@routes.post(
    "/prediction",
    response_model=Score,
    responses={202: {"model": Job}, **describe_problems(400, 413, 415, 422, 429, 500, 503)},
    openapi_extra=describe_body(Patient, example=EXAMPLE) | {"parameters": [PRIORITY]},
)
async def predict(
    request: Request, gateway: CurrentGateway, explain: Explain = False, model_version: ModelVersion = None
) -> Response:
    """Score one patient and answer the score itself.

    It is a job like any other. If it is not scored within `SCORELINE_PREDICTION_WAIT_S` seconds the answer is 202
    with the job, which is not lost and can be polled. With `model_version` it is 422 if another one is served.
    """
    row = parse_row(await read_body(request, gateway.settings.body_limit_bytes))
    new = NewJob(
        *(new_id(), [row]),
        explain=explain,
        trace=trace(),
        by=caller_of(request),
        model_version=model_version or "",
        priority=read_priority(request),
        waiter=gateway.waiter,
    )
    answer, replayed = await gateway.submit_and_wait(new, gateway.settings.prediction_wait_s, request)
    job = answer.job
    if answer.scores:
        return Response(answer.scores[1:-1], media_type="application/json")  # the only one of the list
    if job.error and job.error.code == UnservedModel.code:
        raise UnservedModel(job.error.message)
    if job.state is State.FAILED:
        raise ScoringFailed(f"The patient could not be scored: job {job.id} failed. Send it again, or report the id.")
    return respond_accepted(gateway, new.by, answer, replayed)
