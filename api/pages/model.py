"""The page of the model: its card, for people."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic_core import from_json

from api import model
from api.model import Here
from api.pages.chart import calibration_curve
from api.pages.visit import Come

routes = APIRouter(include_in_schema=False)


@routes.get("/model")
def show(visit: Come, here: Here) -> Response:
    """Show the card of the model that is served."""
    card: dict[str, Any] = from_json(bytes(model.read(here).body))
    slope, intercept = (card["metrics"][f"calibration_{name}"]["value"] for name in ("slope", "intercept"))
    return visit.page("model.html", card=card, curve=calibration_curve(slope, intercept))
