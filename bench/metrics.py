"""What it costs to be measured: processor time a job with metrics and without, in turns, and the time of a scrape."""

import math
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from rich.progress import track

from bench.contenders import JOBS
from bench.cpu import children, used_s
from bench.load import drain, drive, write_patients
from monitoring.instrument import WorkerMetrics
from monitoring.sharing import Shared, join
from tests.servers import STARTED_WITHIN_S, free_port, responds, running, valkey
from tests.waiting import wait_until

TITLE = "Metrics"
CLIENTS, WARM_S = 64, 1
PAIRS_IN_ROUND = 5
PROCESSES, SCRAPES = 16, 30
VERSIONS = ("1.0.0+00000000", "1.0.1+11111111", "1.1.0+22222222")


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor time a job of one patient, in µs, and jobs a second from the first submit to the last score."""

    gateway_us: float
    worker_us: float
    jobs_per_s: float


def measure(rounds: int, seconds: int) -> list[tuple[Cost, Cost]]:
    """Return the costs with and without metrics; who goes first changes each round. Raises as `drive` does.

    Both services stand all the while, and each is driven in short bursts: what else the machine does falls on both.
    """
    pairs = []
    with TemporaryDirectory() as name, ExitStack() as stack:
        bodies = write_patients(Path(name) / "patients.jsonl", 1)
        burst = {on: stack.enter_context(stand(Path(name) / str(on), bodies, seconds, on)) for on in (True, False)}
        for number in track(range(PAIRS_IN_ROUND * rounds), "Measuring metrics"):
            costs = {on: burst[on]() for on in (number % 2 == 0, number % 2 == 1)}
            pairs.append((costs[True], costs[False]))
    return pairs


@contextmanager
def stand(folder: Path, bodies: Path, seconds: int, measured: bool) -> Iterator[Callable[[], Cost]]:
    """Run a service, and give what drives it for so many seconds and returns the cost."""
    folder.mkdir()
    port = free_port()
    with ExitStack() as stack:
        variables = {
            "SCORELINE_REDIS_URL": stack.enter_context(valkey(folder / "valkey")),
            "SCORELINE_API_PORT": str(port),
            "SCORELINE_VAR": str(folder / "var"),
            "SCORELINE_METRICS": str(measured),
        }
        rooms = (("worker", "run"), ("worker", "sweep"), ("api",))
        worker, _, gateway = (
            stack.enter_context(running(*room, log=folder / f"{room[-1]}.log", **variables)) for room in rooms
        )
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: responds(f"{url}/health/ready"), within_s=STARTED_WITHIN_S, what="the service to be ready")
        drive(url, JOBS, bodies, clients=CLIENTS, seconds=WARM_S, follow=True)
        scorers = (worker.pid, *children(worker.pid))

        def burst() -> Cost:
            before_s = used_s(gateway.pid), sum(map(used_s, scorers))
            load = drive(url, JOBS, bodies, clients=CLIENTS, seconds=seconds, follow=False)
            took_s = load.seconds + drain(url, JOBS, load.latest)
            after_s = used_s(gateway.pid), sum(map(used_s, scorers))
            gateway_us, worker_us = (1e6 * (b - a) / load.submitted for a, b in zip(before_s, after_s, strict=True))
            return Cost(gateway_us, worker_us, load.submitted / took_s)

        yield burst


def measure_scrape() -> float:
    """Return the median milliseconds of a scrape of a worker of 16 processes, each of which has counted everything."""
    context = multiprocessing.get_context("fork")
    with TemporaryDirectory() as name:
        counted, stop = context.Semaphore(0), context.Event()
        scorers = [context.Process(target=count, args=(Path(name), counted, stop)) for _ in range(PROCESSES)]
        for scorer in scorers:
            scorer.start()
        for _ in scorers:
            counted.acquire()
        registry, times_ms = CollectorRegistry(), []
        registry.register(Shared(Path(name)))
        for _ in range(SCRAPES):
            begun_s = time.perf_counter()
            generate_latest(registry)
            times_ms.append(1000 * (time.perf_counter() - begun_s))
        stop.set()
        for scorer in scorers:
            scorer.join()
    return statistics.median(times_ms)


def count(folder: Path, counted: Any, stop: Any) -> None:
    """Have every series of a worker, with three models, and wait."""
    join(folder)
    metrics = WorkerMetrics(CollectorRegistry())
    for version in VERSIONS:
        metrics.risk.labels(version).observe(0.5)
    counted.release()
    stop.wait()


def report(pairs: list[tuple[Cost, Cost]], scrape_ms: float) -> Iterator[str]:
    """Yield the lines of the section in bench/RESULTS.md: medians, and that of the pairs' ratios with its interval."""
    yield f"## {TITLE}: {CLIENTS} clients that only submit, with metrics and without in turns\n"
    yield f"| figure | with | without | with / without, median of {len(pairs)} pairs | its 95 % interval |"
    yield "|---|---|---|---|---|"
    for title, name in (
        ("gateway CPU a job, µs", "gateway_us"),
        ("worker CPU a job, µs", "worker_us"),
        ("jobs scored a second", "jobs_per_s"),
    ):
        values = [(getattr(on, name), getattr(off, name)) for on, off in pairs]
        on, off = (statistics.median(side) for side in zip(*values, strict=True))
        ratios = sorted(with_ / without for with_, without in values)
        rank = rank_of_interval(len(ratios))
        interval = f"{ratios[rank]:.3f} to {ratios[-1 - rank]:.3f}"
        yield f"| {title} | {on:,.1f} | {off:,.1f} | {statistics.median(ratios):.3f} | {interval} |"
    yield f"\nA scrape of a worker with {PROCESSES} processes takes {scrape_ms:.1f} ms (goal: <= 50)."


def rank_of_interval(count: int) -> int:
    """Return how far from either end of so many sorted values the ends of their median's 95 % interval lie.

    How many values lie below the true median follows a binomial law, whatever their own (David and Nagaraja, Order
    Statistics, 2003, section 7.1). Of fewer than six it is the whole range, which holds less than 95 %.
    """
    below, rank = 0.0, -1
    while below + math.comb(count, rank + 1) / 2**count <= 0.025:
        rank += 1
        below += math.comb(count, rank) / 2**count
    return max(rank, 0)
