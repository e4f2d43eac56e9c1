"""The monitors, celery-exporter and Prometheus: how each is told where to look."""

import json
from pathlib import Path
from string import Template

from core.connect import MONITOR_OPTIONS, check_certificate
from core.settings import host_and_port
from stack.program import Program
from stack.programs import PROGRAMS
from stack.settings import CHECKOUT, StackSettings

MONITORING = CHECKOUT / "monitoring"


def describe_broker(settings: StackSettings) -> dict[str, str]:
    """Return the environment variables that tell celery-exporter how to reach the queue."""
    options: dict[str, object] = {**MONITOR_OPTIONS, "master_name": settings.redis_master}
    trust: dict[str, object] = {
        name: int(how) if isinstance(how, int) else how for name, how in check_certificate(settings).items()
    }
    given = {"CE_BROKER_TRANSPORT_OPTION": options, "CE_BROKER_SSL_OPTION": trust}
    written = {name: " ".join(f"{key}={value}" for key, value in each.items()) for name, each in given.items() if each}
    return {"CE_BROKER_URL": settings.redis_url} | written


def write_configuration(settings: StackSettings, path: Path) -> None:
    """Write Prometheus's configuration: the address of each program's metrics; a program without any has no target."""
    targets = {program.name: json.dumps(_list_targets(program, settings)) for program in PROGRAMS}
    template = Template((MONITORING / "prometheus" / "up.yml").read_text())
    path.write_text(template.substitute(targets, rules=json.dumps(str(MONITORING / "alerts" / "*.yml"))))


def _list_targets(program: Program, settings: StackSettings) -> list[str]:
    return [
        host_and_port(port.host_in(settings), port.number_in(settings))
        for port in program.ports
        if program.starts(settings) and port.scraped and port.number_in(settings)
    ]
