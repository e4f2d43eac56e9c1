"""The pages of the model: its card, and whether patients are still like those that it was trained on."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic_core import from_json

from api.models import routes as model
from api.models.routes import CurrentHistograms
from api.pages.chart import COLUMN_HEIGHT, COLUMN_WIDTH, calibration_curve, columns_of
from api.pages.patient_form import name_of
from api.pages.site import CurrentPage
from api.pages.words import percent
from core.ledger.redis.histograms import HOURS_KEPT
from core.schema.reference import RISK
from monitoring.drift import HOURS, FeatureDrift, watch_drift

routes = APIRouter(include_in_schema=False)


@routes.get("/model")
def show(context: CurrentPage, histograms: CurrentHistograms) -> Response:
    """Show the card of the model that is served."""
    card: dict[str, Any] = from_json(bytes(model.read(histograms).body))
    slope, intercept = (card["metrics"][f"calibration_{name}"]["value"] for name in ("slope", "intercept"))
    return context.page("model.html", card=card, curve=calibration_curve(slope, intercept))


drift_routes = APIRouter(include_in_schema=False)


@drift_routes.get("/drift")
def show_drift(
    context: CurrentPage, histograms: CurrentHistograms, hours: Annotated[int, Query(ge=1, le=HOURS_KEPT)] = HOURS
) -> Response:
    """Show each feature of the patients whom the visitor may see: how it is spread, in a picture and in words."""
    found = watch_drift(histograms, hours, owner=context.by.visible_owner)
    rows = [(name_in_words(one.feature), one, columns_of(one.bins), in_words(one)) for one in found.features]
    spans = {1: "this hour", HOURS: "a day", HOURS_KEPT: "all that is kept"}
    size = (COLUMN_WIDTH, COLUMN_HEIGHT)
    return context.page(
        "drift.html", drift=found, own=bool(context.by.visible_owner), rows=rows, spans=spans, size=size
    )


def name_in_words(feature: str) -> str:
    """Return what a feature is called."""
    return "Risk" if feature == RISK else name_of(feature)


def in_words(one: FeatureDrift) -> str:
    """Return the histogram in words, for those who do not see it."""
    return "; ".join(
        f"{each.label}: {'' if each.share is None else percent(each.share) + ', '}in training {percent(each.reference)}"
        for each in one.bins
    )
