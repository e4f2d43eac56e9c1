"""`python -m stack doctor`: looks at what may be wrong on this machine, piece by piece; each finding says what to do.

What the gateway knows of itself, `scoreline doctor` asks; it shows what is found here beside that.
"""

import json
import logging
import logging.handlers
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from redis import Redis
from redis.exceptions import RedisError, ResponseError
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.connect import check_redis, open_redis
from core.errors import LedgerUnavailable, UnfitRedis
from core.settings import Settings
from core.transport.queue import BULK, CALLBACKS, INTERACTIVE, make_celery
from stack.up import find_obstacle

LEAST = {"celery": (5, 7), "kombu": (5, 7)}
"""Older ones can stay alive and consume nothing after a broker restart."""
LEAST_PYTHON = (3, 11)
LEAST_REDIS = 7
LEAST_FREE_BYTES = 1_000_000_000
ANSWER_WITHIN_S = 1.0
UNCUT = 100_000
"""Columns of a table that no terminal shows."""


class Verdict(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(NamedTuple):
    """What was found, and what to do about it unless it is well."""

    check: str
    verdict: Verdict
    found: str
    do: str = ""


def report(settings: Settings, *, ports: bool | None, as_json: bool) -> int:
    """Print all that is found, as a table or as JSON; return the exit code: 0 all is well, 1 something is wrong.

    `ports` says whether to look at them; if None, they are looked at where the gateway does not say that it is ready.
    """
    findings = list(examine(settings, ports=bool(find_obstacle(settings.api_url)) if ports is None else ports))
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings]))
    else:
        show(findings)
    return int(any(finding.verdict is Verdict.WRONG for finding in findings))


def show(findings: list[Finding]) -> None:
    """Print findings as a table; where nobody looks no line is broken, so that a program can read it."""
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for name in Finding._fields:
        table.add_column(name, overflow="fold")
    for finding in findings:
        table.add_row(*map(Text, finding))
    Console(highlight=False, width=None if sys.stdout.isatty() else UNCUT).print(table)


def examine(settings: Settings, *, ports: bool) -> Iterator[Finding]:
    """Yield all that is found."""
    yield from check_versions()
    yield from check_disk(settings)
    if ports:
        yield from check_ports(settings)
    ledger = list(check_ledger(settings))
    yield from ledger
    if not any(finding.verdict is Verdict.WRONG for finding in ledger):
        yield from check_workers(settings)


def check_versions() -> Iterator[Finding]:
    """Look at what is installed."""
    python = sys.version_info[:2]
    if python < LEAST_PYTHON:
        yield Finding("versions", Verdict.WRONG, f"Python {python[0]}.{python[1]}", "install Python 3.11 or newer")
    for name, least in LEAST.items():
        try:
            installed = tuple(int(part) for part in version(name).split(".")[:2])
        except PackageNotFoundError:
            yield Finding("versions", Verdict.WRONG, f"{name} is not installed", "run `make up` in the checkout")
            continue
        detail = f"{name} {version(name)}"
        if installed < least:
            yield Finding("versions", Verdict.WRONG, detail, f"install {name} {least[0]}.{least[1]} or newer")
        else:
            yield Finding("versions", Verdict.OK, detail)


def check_ports(settings: Settings) -> Iterator[Finding]:
    """Look whether the ports that `make up` wants are free; worth asking only while no service runs."""
    wanted = {"API": settings.api_port, "FLOWER": settings.flower_port}
    if settings.embedded:
        wanted["VALKEY"] = settings.valkey_port
    if settings.metrics:
        wanted |= {
            "API_METRICS": settings.api_metrics_port,
            "WORKER_METRICS": settings.worker_metrics_port,
            "BULK_METRICS": settings.bulk_metrics_port,
            "SWEEP_METRICS": settings.sweep_metrics_port,
        }
    for name, port in wanted.items():
        if port and _is_taken(port):
            what = f"free it, or choose another with SCORELINE_{name}_PORT"
            yield Finding("ports", Verdict.WRONG, f"port {port} is taken by another program", what)
    yield Finding("ports", Verdict.OK, f"looked at {', '.join(str(port) for port in wanted.values() if port)}")


def _is_taken(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Look at the room that is left where data and files go."""
    scheme, _, place = settings.store.partition("://")
    folders = {settings.var} | ({Path(place)} if scheme == "file" else set())
    for folder in sorted(folders):
        there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        free = shutil.disk_usage(there).free
        detail = f"{free / 1e9:.1f} GB free for {folder}"
        if free < LEAST_FREE_BYTES:
            yield Finding("disk", Verdict.WRONG, detail, "make room: without it submits are answered 503")
        else:
            yield Finding("disk", Verdict.OK, detail)


def check_ledger(settings: Settings) -> Iterator[Finding]:
    """Look at Redis: whether it answers, and keeps what it is given."""
    redis = open_redis(settings)
    try:
        with collect_warnings() as warnings:
            check_redis(redis)
    except LedgerUnavailable:
        yield Finding("redis", Verdict.WRONG, "it does not answer", "start it, or correct SCORELINE_REDIS_URL")
        return
    except UnfitRedis as error:
        what, _, do = str(error).partition(": ")
        yield Finding("redis", Verdict.WRONG, what, do)
        return
    for warning in warnings:
        what, _, do = warning.getMessage().rpartition(": ")
        yield Finding("redis", Verdict.WARNING, what, do)
    yield from _check_server(redis, settings)


@contextmanager
def collect_warnings() -> Iterator[list[logging.LogRecord]]:
    """Collect what `core.connect` logs meanwhile, instead of having it printed."""
    log, handler = logging.getLogger("core.connect"), logging.handlers.BufferingHandler(capacity=100)
    log.addHandler(handler)
    log.propagate = False
    try:
        yield handler.buffer
    finally:
        log.removeHandler(handler)
        log.propagate = True


def _check_server(redis: Redis, settings: Settings) -> Iterator[Finding]:
    try:
        server, memory = redis.info("server"), redis.info("memory")
    except (RedisError, ResponseError):
        return
    number = str(server.get("valkey_version") or server.get("redis_version"))
    if int(number.partition(".")[0]) < LEAST_REDIS:
        yield Finding("redis", Verdict.WRONG, f"version {number}", f"run Redis {LEAST_REDIS} or newer, or Valkey")
    used, most = int(memory["used_memory"]), int(memory.get("maxmemory") or 0)
    if most and used > settings.memory_share * most:
        what = f"{used / most:.0%} of its memory is used, so that submits are 503"
        yield Finding("redis", Verdict.WRONG, what, "raise maxmemory, or lower SCORELINE_RESULT_TTL")
    yield Finding("redis", Verdict.OK, f"version {number}, {used / 1e6:,.0f} MB used, keeps what it is given")


def check_workers(settings: Settings) -> Iterator[Finding]:
    """Ask the workers which queues they serve."""
    app = make_celery(settings)
    try:
        served = app.control.inspect(timeout=ANSWER_WITHIN_S).active_queues() or {}
    except Exception:  # whatever the broker's client raises
        yield Finding("workers", Verdict.WRONG, "the queue cannot be asked", "see redis")
        return
    queues = {queue["name"]: worker for worker, queues in served.items() for queue in queues}
    for queue, what, how in (
        (INTERACTIVE, "patients", "python -m worker run"),
        (BULK, "files", "python -m worker run --queue bulk"),
        (CALLBACKS, "callbacks", "python -m worker notify"),
    ):
        if queue in queues:
            yield Finding("workers", Verdict.OK, f"{queues[queue]} answers for {what}")
        elif queue != CALLBACKS or settings.callback_secret:
            yield Finding("workers", Verdict.WRONG, f"no worker answers for {what}", f"run `{how}`, and see its log")
