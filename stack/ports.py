"""Ports: which program listens on which, and whether all of them are free before anything is started."""

import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from stack.errors import PortUnusable
from stack.program import LOOPBACK
from stack.programs import PROGRAMS
from stack.settings import StackSettings


@dataclass(frozen=True)
class Wanted:
    """A port that a program is going to listen on, and the variable that moves it."""

    port: int
    host: str
    program: str
    variable: str


def list_wanted(settings: StackSettings) -> list[Wanted]:
    """Return every port that a program of the stack is going to listen on."""
    return [
        Wanted(number, port.host_in(settings), port.title, port.variable)
        for program in PROGRAMS
        if program.starts(settings)
        for port in program.ports
        if (number := port.number_in(settings))
    ]


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
