"""Ports: which program listens on which, and whether all of them are free before anything is started."""

import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from stack.errors import PortUnusable
from stack.settings import StackSettings

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Wanted:
    """A port that a program is going to listen on, and the variable that moves it."""

    port: int
    host: str
    program: str
    variable: str


def list_wanted(settings: StackSettings) -> list[Wanted]:
    """Return every port that a program of the stack is going to listen on."""
    wanted = [
        Wanted(settings.api_port, settings.api_host, "the gateway", "SCORELINE_API_PORT"),
        Wanted(settings.flower_port, LOOPBACK, "Flower", "SCORELINE_FLOWER_PORT"),
    ]
    if settings.metrics:
        wanted += [want for want in list_metrics(settings) if want.port]
    if settings.exporter_starts:
        wanted.append(Wanted(settings.exporter_port, LOOPBACK, "celery-exporter", "SCORELINE_EXPORTER_PORT"))
    if settings.prometheus_starts:
        wanted.append(Wanted(settings.prometheus_port, LOOPBACK, "Prometheus", "SCORELINE_PROMETHEUS_PORT"))
    if settings.embedded:
        wanted.append(Wanted(settings.valkey_port, LOOPBACK, "the embedded Valkey", "SCORELINE_VALKEY_PORT"))
    return wanted


def list_metrics(settings: StackSettings) -> list[Wanted]:
    """Return the ports on which programs show metrics; port 0 means that a program shows none."""
    host = settings.metrics_host
    wanted = [
        Wanted(settings.api_metrics_port, host, "the gateway's metrics", "SCORELINE_API_METRICS_PORT"),
        Wanted(settings.worker_metrics_port, host, "the worker's metrics", "SCORELINE_WORKER_METRICS_PORT"),
        Wanted(settings.bulk_metrics_port, host, "the bulk worker's metrics", "SCORELINE_BULK_METRICS_PORT"),
        Wanted(settings.sweep_metrics_port, host, "the sweep's metrics", "SCORELINE_SWEEP_METRICS_PORT"),
    ]
    if settings.callback_secret:
        wanted.append(
            Wanted(settings.notify_metrics_port, host, "the notifier's metrics", "SCORELINE_NOTIFY_METRICS_PORT")
        )
    return wanted


def spare_prometheus(settings: StackSettings) -> StackSettings:
    """Return the settings, without Prometheus if its default port is taken: the machine may have its own."""
    if "prometheus_port" in settings.model_fields_set or not settings.prometheus_starts:
        return settings
    try:
        _try_port(Wanted(settings.prometheus_port, LOOPBACK, "Prometheus", "SCORELINE_PROMETHEUS_PORT"))
    except PortUnusable:
        return settings.model_copy(update={"prometheus_port": 0})
    return settings


def check_ports(wanted: Iterable[Wanted]) -> None:
    """Check that each port can be listened on. Raises PortUnusable, in one sentence, for the first that cannot."""
    owners: dict[int, Wanted] = {}
    for want in wanted:
        if other := owners.get(want.port):
            raise PortUnusable(
                f"Port {want.port} is wanted by both {other.program} and {want.program}: "
                f"move one of them with {other.variable} or {want.variable}."
            )
        owners[want.port] = want
        _try_port(want)


def _try_port(want: Wanted) -> None:
    family = socket.AF_INET6 if ":" in want.host else socket.AF_INET
    try:
        socket.create_server((want.host, want.port), family=family).close()
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "already taken by another program" if taken else f"out of reach ({error.strerror})"
        raise PortUnusable(
            f"Port {want.port} on {want.host}, which {want.program} needs, is {reason}: "
            f"free it, or choose another port with {want.variable}."
        ) from error
