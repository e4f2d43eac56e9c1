"""What is asked of the model, as plans."""

from typing import Any

from scoreline_client.steps import Service, Steps, ask_as
from scoreline_client.wire.api.model import model_drift, model_read, model_read_version
from scoreline_client.wire.models import Drift


def card(service: Service, version: str | None) -> Steps[dict[str, Any]]:
    """Return the card of the model with this version, or of the one that is served."""
    request = model_read_version._get_kwargs(version) if version else model_read._get_kwargs()
    return ask_as(service, request, dict)


def drift(service: Service, hours: int, model_version: str | None) -> Steps[Drift]:
    """Return whether patients are still like those of the training."""
    return ask_as(service, model_drift._get_kwargs(hours=hours, model_version=model_version), Drift.from_dict)
