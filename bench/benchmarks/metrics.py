"""What it costs to be measured: processor time with metrics and without, and the time of a scrape."""

import multiprocessing
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from bench.benchmarks import cost
from monitoring.exposition import SharedMetrics, join_service
from monitoring.instrument import WorkerMetrics

TITLE = "Metrics"
PROCESSES, SCRAPES = 16, 30
VERSIONS = ("1.0.0+00000000", "1.0.1+11111111", "1.1.0+22222222")


def report(rounds: int, seconds: int) -> Iterator[str]:
    """Measure, and yield the lines of the section in bench/RESULTS.md."""
    yield from cost.report(TITLE, "metrics", cost.measure(cost.METRICS, rounds, seconds))
    yield f"\nA scrape of a worker with {PROCESSES} processes takes {measure_scrape():.1f} ms (goal: <= 50)."


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
        registry.register(SharedMetrics(Path(name)))
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
    join_service(folder)
    metrics = WorkerMetrics(CollectorRegistry())
    for version in VERSIONS:
        metrics.risk.labels(version).observe(0.5)
    counted.release()
    stop.wait()
