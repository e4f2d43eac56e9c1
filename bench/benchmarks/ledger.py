"""What the ledger costs: gateway CPU a job, Redis memory a job, and how fast a long backlog drains."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from redis import Redis
from rich.progress import track

from bench.local.conditions import wait_until
from bench.local.programs import running, valkey
from core.connect import open_redis
from core.ids import new_id
from core.ledger.protocol import NewJob
from core.ledger.redis.keys import JOBS
from core.ledger.redis.ledger import RedisLedger
from core.schema.patient import EXAMPLE, Patient
from core.settings import Settings
from core.transport.queue import INTERACTIVE, make_celery, make_send, submit

ROW = Patient.model_validate(EXAMPLE).to_row()
DRAINED_WITHIN_S = 300
TITLE = "The ledger"


@dataclass(frozen=True, slots=True)
class Cost:
    """One run's figures."""

    submit_cpu_us: float  # CPU of the submitting process a job, record and ring together
    queued_bytes: float  # growth of Redis a queued job, its share of the message included
    finished_bytes: float  # growth of Redis a finished job
    drained_per_s: float  # jobs scored a second, from the first commit to the last


def measure(jobs: int, group: int, repeats: int) -> list[Cost]:
    """Return the costs of each repeat: `jobs` jobs of one patient, submitted in groups of `group`, then scored."""
    return [measure_once(jobs, group) for _ in track(range(repeats), "Measuring the ledger")]


def measure_once(jobs: int, group: int) -> Cost:
    """Return the costs of one run on an empty Valkey that writes every change to disk."""
    with TemporaryDirectory() as folder, valkey(Path(folder) / "valkey") as url:
        settings = Settings(redis_url=url, backlog_limit=jobs)
        with open_redis(settings) as redis:
            ledger, empty = RedisLedger(redis, settings), used_bytes(redis)
            send = make_send(make_celery(settings))
            cpu_s = -time.process_time()
            for _ in range(jobs // group):
                submit(ledger, send, [NewJob(new_id(), [ROW]) for _ in range(group)])
            cpu_s += time.process_time()
            queued = used_bytes(redis) - empty
            rate = drain(Path(folder), url, ledger, jobs)
            redis.delete(INTERACTIVE)
            # What a claim took is remembered for one lease, and is no part of a finished job.
            wait_until(
                lambda: not list(redis.scan_iter(JOBS.claimed + "*")), within_s=60, what="claims to be forgotten"
            )
            return Cost(cpu_s / jobs * 1e6, queued / jobs, (used_bytes(redis) - empty) / jobs, rate)


def drain(folder: Path, url: str, ledger: RedisLedger, jobs: int) -> float:
    """Return the jobs a second at which one worker with two processes scores the whole backlog."""
    with running("worker", "run", log=folder / "worker.log", SCORELINE_REDIS_URL=url):
        left = jobs - wait_until(lambda: jobs - backlog(ledger), within_s=DRAINED_WITHIN_S, what="the first commit")
        start_s = time.perf_counter()
        wait_until(lambda: backlog(ledger) == 0, within_s=DRAINED_WITHIN_S, what="the backlog to drain")
        return left / (time.perf_counter() - start_s)


def backlog(ledger: RedisLedger) -> int:
    """Return how many patients wait."""
    return ledger.load().backlog_records


def used_bytes(redis: Redis) -> int:
    """Return the memory that Redis uses for what it holds."""
    return int(redis.info("memory")["used_memory"])


def report(costs: list[Cost], jobs: int, group: int) -> Iterator[str]:
    """Yield the lines of the section in bench/RESULTS.md: the median, and each run."""
    yield f"## {TITLE}: {jobs:,} jobs of one patient, in groups of {group}, one worker with two processes\n"
    yield "| figure | median | goal | runs |\n|---|---|---|---|"
    rows = [
        ("gateway CPU a submitted job, µs", "submit_cpu_us", "<= 40"),
        ("Redis memory a queued job, bytes", "queued_bytes", "<= 700"),
        ("Redis memory a finished job, bytes", "finished_bytes", "<= 400"),
        ("backlog drained, jobs/s", "drained_per_s", ">= 15,000"),
    ]
    for title, name, goal in rows:
        runs = [getattr(cost, name) for cost in costs]
        listed = ", ".join(f"{run:,.0f}" for run in runs)
        yield f"| {title} | {statistics.median(runs):,.0f} | {goal} | {listed} |"
