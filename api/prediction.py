"""The call of the project that this one descends from: one patient in, the score out, at once."""

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from api.asked import Asked
from api.body import parse_row, read_body
from api.caller import caller_of
from api.gateway import Here
from api.jobs import Explain, ModelVersion, accepted, body_of
from api.problem import answers
from contract.errors import ScoringFailed, UnservedModel
from contract.job import Job, State
from contract.ledger.protocol import NewJob
from contract.ledger.record import new_id
from contract.patient import EXAMPLE, Patient
from contract.score import Score
from monitoring.log import trace

routes = APIRouter(prefix="/api", tags=["prediction"], route_class=Asked)


@routes.post(
    "/prediction",
    response_model=Score,
    responses={202: {"model": Job}, **answers(400, 413, 415, 422, 429, 500, 503)},
    openapi_extra=body_of(Patient, example=EXAMPLE),
)
async def predict(
    request: Request, here: Here, explain: Explain = False, model_version: ModelVersion = None
) -> Response:
    """Score one patient and answer the score itself.

    It is a job like any other. If it is not scored within `SCORELINE_PREDICTION_WAIT_S` seconds the answer is 202
    with the job, which is not lost and can be polled. With `model_version` it is 422 if another one is served.
    """
    row = parse_row(await read_body(request, here.settings.body_limit_bytes))
    new = NewJob(
        new_id(), [row], explain=explain, trace=trace(), by=caller_of(request), model_version=model_version or ""
    )
    job, before = await here.submit_and_wait(new, here.settings.prediction_wait_s, request)
    if job.scores:
        return Response(to_json(job.scores[0]), media_type="application/json")
    if job.error and job.error.code == UnservedModel.code:
        raise UnservedModel(job.error.message)
    if job.state is State.FAILED:
        raise ScoringFailed(f"The patient could not be scored: job {job.id} failed. Send it again, or report the id.")
    return accepted(job, before)
