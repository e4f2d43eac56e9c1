"""Measures a Celery task that does nothing, from sending it to its result: the floor under any service on Celery."""

import statistics
import time

from celery import Celery

from bench import servers
from bench.figures import Bench, Figures

NAME = "no-op Celery"
WARM_S = 0.5
ANSWER_WITHIN_S = 10


def measure(bench: Bench) -> Figures:
    """Return p50 and p99, in milliseconds, of one client without HTTP who takes the result from the result backend."""
    with servers.celery(servers.OURS, "bench.peers.noop.tasks", bench.folder) as variables:
        url = variables["CELERY_BROKER_URL"]
        with Celery("bench", broker=url, backend=url, set_as_current=False) as client:
            time_trips(client, WARM_S)
            trips_ms = time_trips(client, bench.seconds)
    hundredths = statistics.quantiles(trips_ms, n=100)
    return {(NAME, 1, "p50"): hundredths[49], (NAME, 1, "p99"): hundredths[98]}


def time_trips(client: Celery, seconds: float) -> list[float]:
    """Return the milliseconds that each of the round trips took that were made one after another in this time."""
    trips_ms, end_s = [], time.perf_counter() + seconds
    while (start_s := time.perf_counter()) < end_s:
        client.send_task("noop").get(timeout=ANSWER_WITHIN_S)
        trips_ms.append(1000 * (time.perf_counter() - start_s))
    return trips_ms
