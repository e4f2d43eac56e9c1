"""Who is measured, and how a job goes through each."""

import statistics
import time
from collections.abc import Callable

from celery import Celery

from bench.figures import Bench, Figures
from bench.load.wrk import Road
from bench.services import servers
from bench.services.service import Service

OURS, TEMPLATE, BENTO, RAY, BARE = "Scoreline", "template", "BentoML task", "Ray Serve", "bare HTTP"
NOOP = "no-op Celery"
FEW, SOME, MANY, CROWD = 1, 16, 64, 256
WARM_S = 0.5
ANSWER_WITHIN_S = 10

JOBS = Road("/v1/jobs", "/v1/jobs/", job_id='"id":"([^"]+)"', done='"state":"succeeded"', wait=("Prefer", "wait=30"))
CELERY = Road("/predict", "/result/", job_id='"task_id":"([^"]+)"', done='"SUCCESS"')
TASK = Road(
    "/score/submit", "/score/status?task_id=", job_id='"task_id":"([^"]+)"', done='"completed"', pause_alone_ms=2
)
AT_ONCE = Road("/predict", done='"risk"')

SERVICES = [
    Service(OURS, servers.scoreline, JOBS, [FEW, SOME, MANY, CROWD], lists=True),
    Service(TEMPLATE, servers.template, CELERY, [FEW, SOME, MANY, CROWD]),
    Service(BENTO, servers.bento, TASK, [FEW, MANY]),
    Service(RAY, servers.ray_serve, CELERY, [FEW, MANY]),
    Service(BARE, servers.bare, AT_ONCE, [FEW, MANY], submits=False),
]


def measure_noop(bench: Bench) -> Figures:
    """Return p50 and p99, in milliseconds, of a Celery task that does nothing: the floor under any service on Celery.

    One client without HTTP sends it, and takes the result from the result backend.
    """
    with servers.celery(servers.OURS, "bench.peers.noop.tasks", bench.folder) as variables:
        url = variables["CELERY_BROKER_URL"]
        with Celery("bench", broker=url, backend=url, set_as_current=False) as client:
            time_trips(client, WARM_S)
            trips_ms = time_trips(client, bench.seconds)
    hundredths = statistics.quantiles(trips_ms, n=100)
    return {(NOOP, 1, "p50"): hundredths[49], (NOOP, 1, "p99"): hundredths[98]}


def time_trips(client: Celery, seconds: float) -> list[float]:
    """Return the milliseconds that each of the round trips took that were made one after another in this time."""
    trips_ms, end_s = [], time.perf_counter() + seconds
    while (start_s := time.perf_counter()) < end_s:
        client.send_task("noop").get(timeout=ANSWER_WITHIN_S)
        trips_ms.append(1000 * (time.perf_counter() - start_s))
    return trips_ms


CONTENDERS: dict[str, Callable[[Bench], Figures]] = {
    **{service.name: service.measure for service in SERVICES},
    NOOP: measure_noop,
}
"""Each starts one contender, measures it and stops it; in the order of a round."""
