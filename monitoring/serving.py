"""Shows the metrics of a program that has no web server of its own."""

import logging
import os
import threading
import time

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.registry import Collector

from monitoring.processes import Processes

TRY_EVERY_S = 2.0

log = logging.getLogger(__name__)


def registry_of(*collectors: Collector) -> CollectorRegistry:
    """Return a registry of these collectors, and of what this process and its children cost."""
    registry = CollectorRegistry()
    for collector in (*collectors, Processes(os.getpid())):
        registry.register(collector)
    return registry


def show(registry: CollectorRegistry, host: str, port: int) -> None:
    """Answer `GET /metrics` on the port from now on, in a thread; on port 0, do nothing.

    While another program has the port, such as the one that this one replaces, it is tried for: no score waits for it.
    """
    if port:
        threading.Thread(target=_show, args=(registry, host, port), name="metrics", daemon=True).start()


def _show(registry: CollectorRegistry, host: str, port: int) -> None:
    told = False
    while True:
        try:
            server, _ = start_http_server(port, host, registry)
        except OSError as error:
            if not told:
                log.warning("metrics cannot be shown on %s:%d yet: %s", host, port, error.strerror)
            told = True
            time.sleep(TRY_EVERY_S)
        else:
            # A child that outlives this process must not keep the port from the next one.
            os.register_at_fork(after_in_child=server.socket.close)
            return
