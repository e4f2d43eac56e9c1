"""Who looks on: what celery-exporter and Prometheus are told of this house."""

import json
from pathlib import Path
from string import Template

from core.connect import MONITOR_OPTIONS, check_certificate
from core.settings import host_and_port
from stack.ports import LOOPBACK
from stack.settings import CHECKOUT, StackSettings

MONITORING = CHECKOUT / "monitoring"


def describe_broker(settings: StackSettings) -> dict[str, str]:
    """Return the variables by which celery-exporter finds the queue."""
    options: dict[str, object] = {**MONITOR_OPTIONS, "master_name": settings.redis_master}
    trust: dict[str, object] = {
        name: int(how) if isinstance(how, int) else how for name, how in check_certificate(settings).items()
    }
    given = {"CE_BROKER_TRANSPORT_OPTION": options, "CE_BROKER_SSL_OPTION": trust}
    written = {name: " ".join(f"{key}={value}" for key, value in each.items()) for name, each in given.items() if each}
    return {"CE_BROKER_URL": settings.redis_url} | written


def write_configuration(settings: StackSettings, path: Path) -> None:
    """Write Prometheus's configuration: where each program shows its metrics; one that shows none has no target."""
    host = settings.metrics_host
    doors = {
        "api": (host, settings.api_metrics_port),
        "worker": (host, settings.worker_metrics_port),
        "bulk": (host, settings.bulk_metrics_port),
        "sweep": (host, settings.sweep_metrics_port),
        "notify": (host, settings.notify_metrics_port if settings.callback_secret else 0),
        "exporter": (LOOPBACK, settings.exporter_port if settings.exporter_starts else 0),
        "prometheus": (LOOPBACK, settings.prometheus_port),
    }
    targets = {name: json.dumps([host_and_port(*door)] if door[1] else []) for name, door in doors.items()}
    template = Template((MONITORING / "prometheus" / "up.yml").read_text())
    path.write_text(template.substitute(targets, rules=json.dumps(str(MONITORING / "alerts" / "*.yml"))))
