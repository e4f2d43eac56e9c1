"""The application for Celery's own programs, such as Flower: `celery -A worker.entry flower`. Importing it makes it.

A worker is run by `python -m worker run`, which first checks Redis and the model.
"""

from functools import cache

from prometheus_client import CollectorRegistry

from core.connect import MONITOR_OPTIONS
from core.settings import Settings
from models.released import Released
from monitoring.instrument import WebhookMetrics
from worker.tasks import make_worker
from worker.webhooks.worker import add_webhook_task, make_webhook_worker


@cache
def released() -> Released:
    """Return the released bundle; Flower never calls this, and so needs none."""
    return Released(settings.bundle)


settings = Settings.read()
app = make_worker(settings, lambda: released().scorer())
app.conf.broker_transport_options |= MONITOR_OPTIONS
add_webhook_task(app, lambda: make_webhook_worker(settings, WebhookMetrics(CollectorRegistry())))
