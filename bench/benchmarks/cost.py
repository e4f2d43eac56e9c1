"""What a part of the service costs: processor time a job, by services side by side, one with it and one without."""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import track

from bench.load.wrk import Road, drain, drive, write_patients
from bench.local.conditions import wait_until
from bench.local.programs import ROOT, STARTED_WITHIN_S, free_port, responds, valkey
from bench.local.revisions import running_in
from bench.processes import children, used_s
from bench.services.contenders import JOBS
from core.ledger.key import make_key

CLIENTS, WARM_S = 64, 1
ROUNDS, BURSTS = 3, 3
"""Rounds for each that was asked for, and bursts of each side in one."""


@dataclass(frozen=True, slots=True)
class Side:
    """A service: its settings, the road of a job through it, and the checkout that its code is of.

    With `follow`, clients see each job scored before they submit the next; without, they only submit.
    """

    variables: Mapping[str, str]
    road: Road = field(default=JOBS)
    root: Path = ROOT
    follow: bool = False


METRICS = Side({"SCORELINE_METRICS": "true"}), Side({"SCORELINE_METRICS": "false"})


def keys() -> tuple[Side, Side]:
    """Return a service that asks for a key, and one that does not."""
    key = make_key()[2]
    road = replace(JOBS, login=("Authorization", f"Bearer {key}"))
    return Side({"SCORELINE_API_KEYS": "required", "SCORELINE_API_KEY": key}, road), Side({"SCORELINE_API_KEYS": "off"})


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor time a job of one patient, in µs, and jobs a second from the first submit to the last score."""

    gateway_us: float
    worker_us: float
    jobs_per_s: float


def measure(sides: tuple[Side, Side], rounds: int, seconds: int) -> list[tuple[Cost, Cost]]:
    """Return the costs of both sides, `ROUNDS` times for each of the rounds. Raises as `drive` does.

    Both services stand for a round, and are driven in turns: what else the machine does falls on both. Each round has
    new ones, since of two that are set up alike one may be a tenth slower as long as it runs: where its memory lies is
    chance, and no number of bursts shows it.
    """
    found = []
    with TemporaryDirectory() as name:
        bodies = write_patients(Path(name) / "patients.jsonl", 1)
        for number in track(range(ROUNDS * rounds), "Measuring costs"):
            found.append(measure_round(Path(name) / str(number), bodies, seconds, sides, first=number % 2))
    return found


def measure_round(
    folder: Path, bodies: Path, seconds: int, sides: tuple[Side, Side], *, first: int
) -> tuple[Cost, Cost]:
    """Start both sides, the `first` before the other, drive them in turns and return the mean costs of each."""
    folder.mkdir()
    costs: tuple[list[Cost], list[Cost]] = [], []
    with ExitStack() as stack:
        bursts = {
            side: stack.enter_context(stand(folder / str(side), bodies, seconds, sides[side]))
            for side in (first, 1 - first)
        }
        for number in range(BURSTS):
            turn = (number + first) % 2
            for side in (turn, 1 - turn):
                costs[side].append(bursts[side]())
    return mean(costs[0]), mean(costs[1])


def mean(costs: Sequence[Cost]) -> Cost:
    """Return the means of the figures."""
    return Cost(*map(statistics.fmean, zip(*map(astuple, costs), strict=True)))


@contextmanager
def stand(folder: Path, bodies: Path, seconds: int, side: Side) -> Iterator[Callable[[], Cost]]:
    """Run a service, and give what drives it for so many seconds and returns the cost."""
    folder.mkdir()
    port = free_port()
    with ExitStack() as stack:
        variables = {
            "SCORELINE_REDIS_URL": stack.enter_context(valkey(folder / "valkey")),
            "SCORELINE_API_PORT": str(port),
            "SCORELINE_VAR": str(folder / "var"),
            **side.variables,
        }
        rooms = (("worker", "run"), ("worker", "sweep"), ("api",))
        worker, _, gateway = (
            stack.enter_context(running_in(side.root, *room, log=folder / f"{room[-1]}.log", variables=variables))
            for room in rooms
        )
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: responds(f"{url}/health/ready"), within_s=STARTED_WITHIN_S, what="the service to be ready")
        drive(url, side.road, bodies, clients=CLIENTS, seconds=WARM_S, follow=True)
        scorers = (worker.pid, *children(worker.pid))

        def burst() -> Cost:
            before_s = used_s(gateway.pid), sum(map(used_s, scorers))
            load = drive(url, side.road, bodies, clients=CLIENTS, seconds=seconds, follow=side.follow)
            took_s = load.seconds + drain(url, side.road, load.latest)
            after_s = used_s(gateway.pid), sum(map(used_s, scorers))
            gateway_us, worker_us = (1e6 * (b - a) / load.submitted for a, b in zip(before_s, after_s, strict=True))
            return Cost(gateway_us, worker_us, load.submitted / took_s)

        yield burst


def report(title: str, what: str, pairs: list[tuple[Cost, Cost]]) -> Iterator[str]:
    """Yield the lines of the section in bench/RESULTS.md: medians, and that of the rounds' ratios with its interval."""
    yield f"## {title}: {CLIENTS} clients that only submit, with {what} and without in turns\n"
    yield from table("with", "without", pairs)


def table(one: str, other: str, pairs: list[tuple[Cost, Cost]]) -> Iterator[str]:
    """Yield the lines of a table of two sides, by their names."""
    yield f"| figure | {one} | {other} | {one} / {other}, median of {len(pairs)} rounds | its 95 % interval |"
    yield "|---|---|---|---|---|"
    for figure, name in (
        ("gateway CPU a job, µs", "gateway_us"),
        ("worker CPU a job, µs", "worker_us"),
        ("jobs scored a second", "jobs_per_s"),
    ):
        values = [(getattr(first, name), getattr(second, name)) for first, second in pairs]
        first, second = (statistics.median(side) for side in zip(*values, strict=True))
        ratios = sorted(first / second for first, second in values)
        rank = rank_of_interval(len(ratios))
        interval = f"{ratios[rank]:.3f} to {ratios[-1 - rank]:.3f}"
        yield f"| {figure} | {first:,.1f} | {second:,.1f} | {statistics.median(ratios):.3f} | {interval} |"


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
