"""Who is measured, and how a job goes through each."""

from collections.abc import Callable

from bench import noop, servers
from bench.figures import Bench, Figures
from bench.load import Road
from bench.service import Service

OURS, TEMPLATE, BENTO, RAY, BARE = "Scoreline", "template", "BentoML task", "Ray Serve", "bare HTTP"
FEW, SOME, MANY, CROWD = 1, 16, 64, 256

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

CONTENDERS: dict[str, Callable[[Bench], Figures]] = {
    **{service.name: service.measure for service in SERVICES},
    noop.NAME: noop.measure,
}
"""Each starts one contender, measures it and stops it; in the order of a round."""
