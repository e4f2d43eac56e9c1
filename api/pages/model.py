"""The pages of the model: its card, and the drift of recent patients from those that it was trained on."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic_core import from_json

from api.models import routes as model
from api.models.routes import CurrentHistograms
from api.pages.chart import COLUMN_HEIGHT, COLUMN_WIDTH, draw_calibration_curve, make_columns
from api.pages.patient_form import name_of
from api.pages.site import CurrentPage
from api.pages.words import percent
from core.ledger.redis.constants import HOURS_KEPT
from core.schema.reference import RISK
from monitoring.drift import HOURS, FeatureDrift, watch_drift

routes = APIRouter(include_in_schema=False)


@routes.get("/model")
def show_model(context: CurrentPage, histograms: CurrentHistograms) -> Response:
    """Show the card of the served model."""
    card: dict[str, Any] = from_json(bytes(model.read(histograms).body))
    slope, intercept = (card["metrics"][f"calibration_{name}"]["value"] for name in ("slope", "intercept"))
    return context.render_page("model.html", card=card, curve=draw_calibration_curve(slope, intercept))


drift_routes = APIRouter(include_in_schema=False)


@drift_routes.get("/drift")
def show_drift(
    context: CurrentPage, histograms: CurrentHistograms, hours: Annotated[int, Query(ge=1, le=HOURS_KEPT)] = HOURS
) -> Response:
    """Show the distribution of each feature of the patients that the visitor may see, as a chart and in words."""
    drift = watch_drift(histograms, hours, owner=context.by.visible_owner)
    rows = [
        (name_feature(feature.feature), feature, make_columns(feature.bins), describe_bins(feature))
        for feature in drift.features
    ]
    spans = {1: "this hour", HOURS: "a day", HOURS_KEPT: "all that is kept"}
    size = (COLUMN_WIDTH, COLUMN_HEIGHT)
    return context.render_page(
        "drift.html", drift=drift, own=bool(context.by.visible_owner), rows=rows, spans=spans, size=size
    )


def name_feature(feature: str) -> str:
    """Return a feature's name for people."""
    return "Risk" if feature == RISK else name_of(feature)


def describe_bins(feature: FeatureDrift) -> str:
    """Return the histogram in words, for screen readers."""
    return "; ".join(
        f"{each.label}: {'' if each.share is None else percent(each.share) + ', '}in training {percent(each.reference)}"
        for each in feature.bins
    )
