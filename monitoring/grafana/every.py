"""Every dashboard."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from monitoring.grafana.infrastructure import make_infrastructure
from monitoring.grafana.model import make_model
from monitoring.grafana.service import make_service
from monitoring.grafana.workers import make_workers


def make_boards() -> list[Dashboard]:
    """Return all dashboards, in the order of their list."""
    makers = (make_service, make_workers, make_model, make_infrastructure)
    return [make().build() for make in makers]
