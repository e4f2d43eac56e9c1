"""Lets an app listen in this process, so that a test sees what it logs and what it holds."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from api.app import make_app
from bench.local.conditions import wait_until
from bench.local.programs import STARTED_WITHIN_S
from core.ledger.memory.ledger import MemoryLedger
from core.settings import Settings


@contextmanager
def listening(app: FastAPI) -> Iterator[int]:
    """Let an app listen in a thread of its own, and give its port."""
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, within_s=STARTED_WITHIN_S, what="the gateway to listen")
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def gateway_over(ledger: MemoryLedger, settings: Settings | None = None) -> Iterator[tuple[str, FastAPI]]:
    """Run a gateway over that ledger, where nothing rings; give its URL and its app."""
    app = make_app(settings or Settings(), ledger, lambda _: None)
    with listening(app) as port:
        yield f"http://127.0.0.1:{port}", app
