"""Runs the gateway (`python -m api`), manages API keys, reads the audit, or writes the OpenAPI document (`--help`)."""

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
from api.commands import parse_arguments, run_command
from api.http.connection import Connection
from api.http.metrics import start_metrics, start_shared_metrics
from core.connect import check_redis, open_redis
from core.errors import LedgerUnavailable, OperatorError, ScorelineError
from core.ledger.continuity import Continuity, Mirror
from core.ledger.redis.access.keyring import Keyring
from core.ledger.redis.batches import Batches
from core.ledger.redis.checkpoint import adopt_format, read_server_stats
from core.ledger.redis.histograms import Histograms
from core.ledger.redis.ledger import RedisLedger
from core.process import freeze_garbage_collector, keep_private, return_large_buffers
from core.settings import Settings
from core.storage.store import Store
from core.transport.queue import make_celery, make_send, make_send_parts
from monitoring.instrument import GatewayMetrics
from monitoring.log import format_fatal_error, start_log
from monitoring.tracing import start_tracing

log = logging.getLogger("api")

THREAD_SWITCH_S = 0.0005
"""How long a running thread may keep the interpreter while another thread, such as the event loop's, wants it.

With Python's default of 5 ms, a submit, which passes through three threads, takes four times as long while large
responses are being sent.
"""

GRACE_S = 5  # requests that wait for a result are answered at once on shutdown


def open_listener(settings: Settings) -> socket.socket:
    """Return a listening socket on the gateway's port. Raises OperatorError if the port is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.api_host, settings.api_port))
    except OSError as error:
        address = f"{settings.api_host}:{settings.api_port}"
        raise OperatorError(
            f"cannot listen on {address} ({error.strerror}): set SCORELINE_API_PORT to a free port."
        ) from None
    return listener


def raise_file_limit() -> None:
    """Raise the limit of open files, often 1,024, to what the system allows, for this process and its children."""
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


def make_process_app() -> FastAPI:
    """Return the app of one gateway process; called in the process that serves it."""
    return_large_buffers()
    settings = Settings.read()
    start_log(settings.log_format)
    stop_with_parent()
    start_tracing("scoreline-gateway")
    redis = open_redis(settings)
    app = build_app(settings, redis, start_metrics(settings, redis))
    freeze_garbage_collector()
    sys.setswitchinterval(THREAD_SWITCH_S)
    return app


def build_app(settings: Settings, redis: Redis, metrics: GatewayMetrics | None = None) -> FastAPI:
    """Return the gateway over this Redis and the store in the settings; it connects at the first request."""
    queue, store, read_server = make_celery(settings), Store.open(settings), partial(read_server_stats, redis)
    continuity = Continuity(redis, settings, Mirror(store))
    ledger = RedisLedger(redis, settings, lost=continuity.lost)
    bulk = BatchBackends(Batches(redis, settings, lost=continuity.lost), store, make_send_parts(queue))
    auth = AuthServices.open(redis, settings) if settings.api_keys == "required" else None
    send, histograms = make_send(queue), Histograms(redis)
    return make_app(settings, ledger, send, bulk, histograms, read_server, auth, metrics, continuity)


def write_document() -> None:
    """Write the OpenAPI document to standard output. It does not depend on the environment."""
    with TemporaryDirectory() as folder:
        settings = Settings(store=f"file://{folder}", api_keys="required")
        app = build_app(settings, open_redis(settings))
    print(json.dumps(app.openapi(), indent=2, ensure_ascii=False))


def stop_with_parent() -> None:
    """Stop this process when its parent process, if it has one, ends for any reason: it would keep the port open."""

    def stop_after_parent(parent: BaseProcess) -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    if parent := parent_process():
        Thread(target=stop_after_parent, args=(parent,), daemon=True).start()


def main() -> None:
    """Run the command on the command line; without one, serve."""
    arguments = parse_arguments(sys.argv[1:])
    if arguments.command == "openapi":
        write_document()
        return
    keep_private()
    settings = Settings.read()
    start_log(settings.log_format)
    if arguments.command:
        run_command(open_redis(settings), arguments)
    else:
        run(settings)


def warn_about_keys(settings: Settings, redis: Redis) -> None:
    """Log a warning if requests need no key, or if no key exists. Raises LedgerUnavailable."""
    if settings.api_keys == "off":
        log.warning("API keys are off: whoever reaches %s may do anything", settings.api_host)
    elif not settings.api_key and not any(Keyring(redis).all()):
        log.warning(
            "there is no API key, so all requests are refused: `python -m api keys create --name NAME` makes one"
        )


def run(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; requests that were accepted by then are answered."""
    redis = open_redis(settings)
    try:
        check_redis(redis)
        adopt_format(redis)
    except LedgerUnavailable:
        log.warning("Redis cannot be reached yet; submits are answered 503 until it can")
    config = uvicorn.Config(
        "api.__main__:make_process_app",
        factory=True,
        http=Connection,
        workers=settings.api_processes,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    raise_file_limit()
    listener = open_listener(settings)
    with suppress(LedgerUnavailable):
        warn_about_keys(settings, redis)
    if settings.api_processes == 1:
        uvicorn.Server(config).run([listener])
    else:
        if settings.metrics:
            start_shared_metrics(settings, redis)
        Multiprocess(config, [listener]).run()


if __name__ == "__main__":
    try:
        main()
    except ScorelineError as error:
        sys.exit(format_fatal_error(error))
