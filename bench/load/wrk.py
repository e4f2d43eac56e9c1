"""wrk, with bench/load/load.lua to follow each job, so that every service meets the same clients."""

import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import httpx2

from bench.local.conditions import wait_until
from core.errors import OperatorError, ScorelineError
from producer.table import read_cases

SCRIPT = Path(__file__).parent / "load.lua"
SLOWEST_ANSWER_S = 60
DRAINED_WITHIN_S = 120
LOOKED_AT = 4  # of the jobs submitted last; to look at all of them would be a load of its own


class ToolMissing(OperatorError):
    """A program that the benchmark needs is not installed."""

    code = "tool-missing"


class Overwhelmed(ScorelineError):
    """A service did not answer all of its load, so that what it did answer says nothing."""

    code = "overwhelmed"


@dataclass(frozen=True, slots=True)
class Road:
    """How a service is given a job over HTTP, and how it shows that the job is scored.

    `job_id` is a Lua pattern that finds the job's id in the answer to a submit, and `done` a text that stands in an
    answer once the job is scored, and never before. `wait` is a header that makes a submit answer with the result, and
    `login` one that each request has.
    """

    submit: str
    poll: str = ""
    job_id: str = ""
    done: str = ""
    wait: tuple[str, str] | tuple[()] = ()
    login: tuple[str, str] | tuple[()] = ()
    pause_ms: int = 50  # before each poll of one among many clients
    pause_alone_ms: int = 0  # before each poll of the only client


@dataclass(frozen=True, slots=True)
class Load:
    """What the clients saw: jobs accepted, jobs scored before their eyes, and the time from submit to result."""

    submitted: int
    scored: int
    refused: int
    broken: int  # connections that failed, and answers that never came
    p50_ms: float
    p99_ms: float
    seconds: float
    latest: tuple[str, ...]  # ids of jobs that were submitted last


def write_patients(path: Path, patients_in_body: int) -> Path:
    """Write a file for wrk, one body a line: each of the table's patients alone, or one job of many; return it."""
    patients = [case.patient.model_dump(mode="json") for case in read_cases()]
    many = {"patients": list(islice(cycle(patients), patients_in_body))}
    bodies = patients if patients_in_body == 1 else [many]
    path.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    return path


def drive(url: str, road: Road, bodies: Path, *, clients: int, seconds: int, follow: bool) -> Load:
    """Return what `clients` clients saw who submit for `seconds` seconds, each its next job once it is answered.

    With `follow`, each sees its job scored before it submits the next. Raises ToolMissing without wrk, and Overwhelmed
    if a single request was refused or not answered.
    """
    pause_ms = road.pause_alone_ms if clients == 1 else road.pause_ms
    said = [str(bodies), road.submit, road.poll, road.job_id, road.done, str(pause_ms), "yes" if follow else "no"]
    size = [f"--threads={clients}", f"--connections={clients}", f"--duration={seconds}s"]
    command = [find_wrk(), *size, f"--timeout={SLOWEST_ANSWER_S}s", f"--script={SCRIPT}", url, "--", *said]
    headers = (*road.login, *(road.wait if follow else ()))
    ran = subprocess.run([*command, *headers], capture_output=True, text=True, check=True)  # noqa: S603 - our own command
    load = parse(ran.stdout)
    if load.refused or load.broken:
        raise Overwhelmed(f"{load.refused} requests were refused and {load.broken} not answered, of {clients} clients")
    return load


def find_wrk() -> str:
    """Return where wrk is. Raises ToolMissing."""
    if not (path := shutil.which("wrk")):
        raise ToolMissing("wrk makes the load and is not installed: `apt-get install wrk`, or `brew install wrk`.")
    return path


def parse(printed: str) -> Load:
    """Return what bench/load/load.lua printed among wrk's own lines."""
    lines = [line.split() for line in printed.splitlines() if line.startswith("bench ")]
    totals = {words[1]: float(words[2]) for words in lines if words[1] != "job"}
    jobs = sorted((float(words[2]), words[3]) for words in lines if words[1] == "job" and len(words) == 4)
    return Load(
        submitted=int(totals["submitted"]),
        scored=int(totals["scored"]),
        refused=int(totals["refused"]),
        broken=int(totals["broken"]),
        p50_ms=totals["p50_us"] / 1000,
        p99_ms=totals["p99_us"] / 1000,
        seconds=totals["duration_us"] / 1e6,
        latest=tuple(id for _, id in jobs[-LOOKED_AT:]),
    )


def drain(url: str, road: Road, latest: Sequence[str]) -> float:
    """Return the seconds until these jobs are scored, as the service's API shows them."""
    start_s = time.perf_counter()
    with httpx2.Client(base_url=url, headers=[road.login] if road.login else None) as client:
        for id in latest:
            wait_until(partial(is_scored, client, road, id), within_s=DRAINED_WITHIN_S, what="the last jobs' scores")
    return time.perf_counter() - start_s


def is_scored(client: httpx2.Client, road: Road, id: str) -> bool:
    """Whether the service says that the job is scored."""
    return road.done in client.get(road.poll + id).text
