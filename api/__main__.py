"""Runs the gateway, `python -m api`; handles its keys and audit, or writes its document: `python -m api --help`."""

import json
import logging
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from tempfile import TemporaryDirectory
from threading import Thread

import uvicorn
from fastapi import FastAPI
from redis import Redis
from uvicorn.supervisors import Multiprocess

from api.app import make_app
from api.auth.authentication import AuthServices
from api.batches.service import BatchBackends
from api.commands import operate, parse
from api.http.connection import Connection
from api.http.metrics import show_together, start_metrics
from core.connect import check_redis, open_redis
from core.errors import LedgerUnavailable, OperatorError, ScorelineError
from core.ledger.continuity import Continuity, Mirror
from core.ledger.redis.access.keyring import Keyring
from core.ledger.redis.batches import Batches
from core.ledger.redis.checkpoint import adopt_format
from core.ledger.redis.histograms import Histograms
from core.ledger.redis.ledger import RedisLedger
from core.ledger.redis.server_stats import read_server_stats
from core.process import freeze_garbage_collector, keep_private, return_large_buffers
from core.settings import Settings
from core.storage.store import Store
from core.transport.queue import make_celery, make_send, make_send_parts
from monitoring.instrument import GatewayMetrics
from monitoring.log import last_words, start_log
from monitoring.tracing import start_tracing

log = logging.getLogger("api")

SWITCH_S = 0.0005
"""How long a thread that works keeps another waiting that wakes, such as the event loop's.

By Python's own 5 ms a submit, which passes through three threads, waits four times as long beside large answers.
"""

GRACE_S = 5  # who waits for a result is answered at once when the gateway is to stop


def listen(settings: Settings) -> socket.socket:
    """Return a listening socket on the gateway's port. Raises OperatorError if the port is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.api_host, settings.api_port))
    except OSError as error:
        place = f"{settings.api_host}:{settings.api_port}"
        raise OperatorError(
            f"cannot listen on {place} ({error.strerror}): set SCORELINE_API_PORT to a free port."
        ) from None
    return listener


def allow_many_clients() -> None:
    """Let this process and its children hold as many connections as the system allows; often a soft limit is 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def serve() -> FastAPI:
    """Return the app of one gateway process."""
    return_large_buffers()
    settings = Settings.read()
    start_log(settings.log_format)
    stop_with_parent()
    start_tracing("scoreline-gateway")
    redis = open_redis(settings)
    app = build(settings, redis, start_metrics(settings, redis))
    freeze_garbage_collector()
    sys.setswitchinterval(SWITCH_S)
    return app


def build(settings: Settings, redis: Redis, metrics: GatewayMetrics | None = None) -> FastAPI:
    """Return the gateway over this Redis and the store that the settings name; it connects when it is first asked."""
    queue, store, server = make_celery(settings), Store.open(settings), partial(read_server_stats, redis)
    continuity = Continuity(redis, settings, Mirror(store))
    ledger = RedisLedger(redis, settings, lost=continuity.lost)
    bulk = BatchBackends(Batches(redis, settings, lost=continuity.lost), store, make_send_parts(queue))
    auth = AuthServices.over(redis, settings) if settings.api_keys == "required" else None
    send, histograms = make_send(queue), Histograms(redis)
    return make_app(settings, ledger, send, bulk, histograms, server, auth, metrics, continuity)


def write_document() -> None:
    """Write the OpenAPI document to standard output. It is the same whatever the environment says."""
    with TemporaryDirectory() as folder:
        settings = Settings(store=f"file://{folder}", api_keys="required")
        app = build(settings, open_redis(settings))
    print(json.dumps(app.openapi(), indent=2, ensure_ascii=False))


def stop_with_parent() -> None:
    """Have a process that a parent started stop when the parent is gone, however it went; it would hold the port."""

    def outlive(parent: BaseProcess) -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    if parent := parent_process():
        Thread(target=outlive, args=(parent,), daemon=True).start()


def main() -> None:
    """Do what was asked for: serve, if nothing else."""
    asked = parse(sys.argv[1:])
    if asked.command == "openapi":
        write_document()
        return
    keep_private()
    settings = Settings.read()
    start_log(settings.log_format)
    if asked.command:
        operate(open_redis(settings), asked)
    else:
        run(settings)


def warn_of_keys(settings: Settings, redis: Redis) -> None:
    """Say in the log if everyone is let in, or no one can be. Raises LedgerUnavailable."""
    if settings.api_keys == "off":
        log.warning("API keys are off: whoever reaches %s may do anything", settings.api_host)
    elif not settings.api_key and not any(Keyring(redis).all()):
        log.warning("there is no API key, so no one is let in: `python -m api keys create --name NAME` makes one")


def run(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; what was accepted by then is answered."""
    redis = open_redis(settings)
    try:
        check_redis(redis)
        adopt_format(redis)
    except LedgerUnavailable:
        log.warning("Redis cannot be reached yet; submits are answered 503 until it can")
    config = uvicorn.Config(
        "api.__main__:serve",
        factory=True,
        http=Connection,
        workers=settings.api_processes,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    allow_many_clients()
    listener = listen(settings)
    with suppress(LedgerUnavailable):
        warn_of_keys(settings, redis)
    if settings.api_processes == 1:
        uvicorn.Server(config).run([listener])
    else:
        if settings.metrics:
            show_together(settings, redis)
        Multiprocess(config, [listener]).run()


if __name__ == "__main__":
    try:
        main()
    except ScorelineError as error:
        sys.exit(last_words(error))
