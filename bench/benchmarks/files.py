"""Files: the service beside what a user would score a file with instead, and what a file does to everyone else."""

import http.client
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import track

from bench.figures import Figures
from bench.load.lag import watched
from bench.load.transfer import connect, transfer, upload, wait
from bench.local.programs import running, service, valkey
from bench.processes import family, peak_mb, used_by_ended_s, used_s
from bench.services.environments import environment, run
from core.schema.patient import EXAMPLE
from core.settings import Settings

OURS, SCRIPT, MLFLOW = "Scoreline", "Polars script", "mlflow models predict"
MANY_TIMES = 10
WARM_ROWS = 20_000
IDLE_REQUESTS, BUSY_REQUESTS = 1_000, 1_000
QUIET_S = 3
UNHURRIED_S = 0.5
CORES = os.cpu_count() or 1


def measure(kept: Path, rounds: int, rows: int) -> list[Figures]:
    """Return the figures of each round, with files of `rows` rows and of ten times as many."""
    with TemporaryDirectory(prefix="files") as name:
        folder = Path(name)
        files = {size: write(folder / f"{size}.csv", size) for size in (WARM_ROWS, rows, MANY_TIMES * rows)}
        contenders = (ours, script, mlflow)
        turns = [contender for _ in range(rounds) for contender in contenders]
        found = [turn(folder, kept, files, rows) for turn in track(turns, "Measuring files")]
    each = len(contenders)
    return [{k: v for turn in found[at : at + each] for k, v in turn.items()} for at in range(0, len(found), each)]


def write(path: Path, rows: int) -> Path:
    """Write a file of simulated patients, the same every time; return it."""
    with path.open("wb") as out:
        run(sys.executable, "-m", "producer", "file", "--rows", str(rows), "--seed", "1", out=out)
    return path


@contextmanager
def bulk(folder: Path, processes: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """Run the service without a bulk worker; give its URL, and what starts one with so many processes."""
    folder.mkdir()
    with ExitStack() as stack:
        redis = stack.enter_context(valkey(folder / "valkey"))
        variables = {"SCORELINE_REDIS_URL": redis, "SCORELINE_STORE": f"file://{folder}/store"}
        variables["SCORELINE_BULK_PROCESSES"] = str(processes)
        url = stack.enter_context(service(folder, **variables))

        def start() -> None:
            stack.enter_context(running("worker", "run", "--queue", "bulk", log=folder / "bulk.log", **variables))

        yield url, start


def ours(folder: Path, _: Path, files: dict[int, Path], rows: int) -> Figures:
    """Return the service's figures: the files' times, then what they cost and whom they hold up."""
    figures: Figures = {}
    with TemporaryDirectory(dir=folder) as name, bulk(Path(name) / "both", CORES) as (url, start):
        start()
        transfer(url, files[WARM_ROWS], folder / "out.csv")
        for size in (rows, MANY_TIMES * rows):
            before_s = sum(map(used_s, family()))
            took = transfer(url, files[size], folder / "out.csv")
            figures[OURS, size, "all"] = took.all_s
            figures[OURS, size, "upload"] = took.upload_s
            figures[OURS, size, "scoring"] = took.scoring_s
            figures[OURS, size, "download"] = took.download_s
            figures[OURS, size, "cpu"] = sum(map(used_s, family())) - before_s
        figures[OURS, MANY_TIMES * rows, "MB"] = max(map(peak_mb, family()))
        figures |= lags(url, files[MANY_TIMES * rows], rows)
        figures |= patients(url, files[rows], folder / "out.csv", rows)
    for processes in (1, 2):
        with TemporaryDirectory(dir=folder) as name, bulk(Path(name) / "held", processes) as (url, start):
            batch = upload(url, files[MANY_TIMES * rows])
            start()
            ended = wait(
                url, batch, UNHURRIED_S
            )  # who looks takes its time from who scores; the service's own clock counts
            began, finished = (datetime.fromisoformat(ended[when]) for when in ("started_at", "finished_at"))
            figures[OURS, rows, f"scored by {processes}"] = (finished - began).total_seconds()
    return figures


def lags(url: str, file: Path, rows: int) -> Figures:
    """Return the milliseconds that a second client waits for the gateway: while nothing comes in, and a file."""
    with watched(url) as idle:
        time.sleep(QUIET_S)
    with watched(url) as busy:
        batch = upload(url, file)
    wait(url, batch)
    clients = (("idle", idle), ("upload", busy))
    return {(OURS, rows, f"{name} {what}"): seen[what] for name, seen in clients for what in ("worst_ms", "p999_ms")}


def patients(url: str, file: Path, out: Path, rows: int) -> Figures:
    """Return p99 milliseconds of a patient whose client waits: alone, and with a file in progress."""
    connection = connect(url)
    alone = [score_one(connection) for _ in range(IDLE_REQUESTS)]
    beside: list[float] = []
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # two clients, each with an interpreter of its own
        pool.submit(os.getpid).result()
        while len(beside) < BUSY_REQUESTS:
            job = pool.submit(transfer, url, file, out)
            while not job.done():
                beside.append(score_one(connection))
            job.result()
    p99 = {name: 1e3 * statistics.quantiles(waits, n=100)[98] for name, waits in (("alone", alone), ("beside", beside))}
    return {(OURS, rows, f"p99 {name}"): value for name, value in p99.items()}


def score_one(connection: http.client.HTTPConnection) -> float:
    """Return the seconds until a patient's result is there."""
    start_s = time.perf_counter()
    headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
    connection.request("POST", "/v1/jobs", json.dumps(EXAMPLE), headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status  # noqa: S101 - a contender that fails falls out
    return time.perf_counter() - start_s


def script(folder: Path, kept: Path, files: dict[int, Path], rows: int) -> Figures:
    """Return the seconds, and the processor's, of the script."""
    python, model = environment("polars", kept) / "python", Settings.read().bundle / "model.onnx"
    command = (python, "-m", "bench.peers.polars_script", files[rows], folder / "out.csv", model, str(CORES))
    return timed(SCRIPT, rows, *command)


def mlflow(folder: Path, kept: Path, files: dict[int, Path], rows: int) -> Figures:
    """Return the seconds, and the processor's, of MLflow's own command."""
    programs, model = environment("mlflow", kept), folder / "mlflow"
    if not model.exists():
        run(programs / "python", "-m", "bench.peers.mlflow_model", model)
    inputs = ("-m", model, "-i", files[rows], "-t", "csv", "-o", folder / "out.json", "--env-manager", "local")
    path = f"{programs}:{os.environ['PATH']}"
    return timed(MLFLOW, rows, programs / "mlflow", "models", "predict", *inputs, PATH=path)


def timed(name: str, rows: int, *command: str | Path, **variables: str) -> Figures:
    """Return the seconds of a program from its start to its end, and those of the processor."""
    cpu_s, start_s = used_by_ended_s(), time.perf_counter()
    run(*command, variables=variables)
    return {(name, rows, "all"): time.perf_counter() - start_s, (name, rows, "cpu"): used_by_ended_s() - cpu_s}
