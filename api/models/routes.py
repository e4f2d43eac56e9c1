"""The model over HTTP: its card, and the drift of recent patients from those that it was trained on."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic_core import from_json, to_json

from api.auth.credentials import CurrentCaller
from api.http.problem import Responses, describe_problems
from api.http.query import CheckedQueryRoute
from core.errors import NoModel, UnknownModel
from core.ledger.redis.constants import HOURS_KEPT
from core.ledger.redis.histograms import Histograms
from monitoring.drift import HOURS, Drift, Verdict, watch_drift

VERSION = "1.1.0+91513000"
"""A version, for examples."""


def describe_json(description: str, example: dict[str, Any]) -> Responses:
    """Return the OpenAPI `responses` for a JSON answer with an example."""
    return {200: {"description": description, "content": {"application/json": {"example": example}}}}


CARD = describe_json(
    "The bundle's `card.json`: features, metrics with intervals, conformal bounds, reference, limits.",
    {
        "name": "Scoreline heart disease",
        "version": VERSION,
        "threshold": 0.5,
        "intended_use": "To show, study and test",
    },
)
DRIFT = describe_json(
    "Each feature by itself, and the risk.",
    {
        "model_version": VERSION,
        "hours": HOURS,
        "since": "2026-01-01T00:00:00Z",
        "until": "2026-01-01T23:20:00Z",
        "patients": 500,
        "drifting": ["sex"],
        "features": [
            {
                "feature": "sex",
                "verdict": Verdict.DRIFTING,
                "psi": 0.3621,
                "p_value": 1.2e-17,
                "missing": 0.0,
                "missing_reference": 0.0,
                "bins": [
                    {"label": "female", "patients": 310, "share": 0.62, "reference": 0.3201},
                    {"label": "male", "patients": 190, "share": 0.38, "reference": 0.6799},
                ],
            }
        ],
        "reference_patients": 303,
        "patients_needed": 100,
        "psi_limit": 0.1,
        "size": 0.001,
        "size_per_feature": 0.000077,
    },
)

routes = APIRouter(prefix="/v1", tags=["model"], route_class=CheckedQueryRoute)


async def histograms_of(request: Request) -> Histograms:
    """Return the store of cards and histograms."""
    histograms: Histograms = request.app.state.histograms
    return histograms


CurrentHistograms = Annotated[Histograms, Depends(histograms_of)]
"""A route's parameter that receives the histograms."""


@routes.get("/model", responses={**CARD, **describe_problems(503)})
def read(histograms: CurrentHistograms) -> Response:
    """Read the card of the model that workers serve now; where they serve two, of the one that was seen last.

    While a worker refuses the bundle that was put in place last, `refused` says its `version`, the `reason`, and since
    when (`at`).
    """
    version = histograms.served()
    card = histograms.card(version) if version else None
    if card is None:
        raise NoModel(retry_after_s=1)
    if refused := histograms.refused():
        card = to_json(from_json(card) | {"refused": from_json(refused)})
    return Response(card, media_type="application/json")


@routes.get("/model/{version}", responses={**CARD, **describe_problems(404, 503)})
def read_version(version: str, histograms: CurrentHistograms) -> Response:
    """Read the card of a model that has scored within the last week."""
    card = histograms.card(version)
    if card is None:
        raise UnknownModel
    return Response(card, media_type="application/json")


@routes.get("/drift", responses={**DRIFT, **describe_problems(404, 422, 503)})
def drift(
    histograms: CurrentHistograms,
    by: CurrentCaller,
    hours: Annotated[
        int, Query(ge=1, le=HOURS_KEPT, description="Hours of the clock to look at, with the one that it is.")
    ] = HOURS,
    model_version: Annotated[
        str | None, Query(description="The model whose patients to look at; unless given, the one that is served.")
    ] = None,
) -> Drift:
    """Compare the patients of the last hours with those that the model was trained on, each feature by itself.

    Where keys are required they are the key's own patients; those of all are an `admin`'s to see.

    A feature drifts where the population stability index, less what chance makes of it, reaches `psi_limit`, and the
    chi-squared test of both samples doubts that they are of one population. Of too few patients nothing is said.
    """
    return watch_drift(histograms, hours, model_version, by.visible_owner)
