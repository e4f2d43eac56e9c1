"""Fairness: what one key's flood does to another key, in turns with an idle service."""

import csv
import io
import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import track

from bench.benchmarks.files import write
from bench.figures import Figures
from bench.load.client import BROKEN, Client
from bench.load.flood import CSV, IDLE, JSON, KINDS, OPEN, flooded
from bench.load.wrk import Overwhelmed, write_patients
from bench.local.keyed import Keyed
from bench.local.programs import running, service, valkey
from core.schema.patient import COLUMNS
from producer.table import read_cases

WAIT_S = 60  # that a patient's client waits at most
SMALL_ROWS, LARGE_ROWS = 300, 200_000
LARGE_JOB, MIDDLE_JOB = 10_000, 1_000
SETTLE_S = 1
LEAST_REQUESTS = 3  # so that a starved client has a median too
FILE_WITHIN_S = 120
LOOK_EVERY_S = 0.01

SETTINGS = {
    # One process scores, and little may wait: workers are as fast as the gateway, so that no large backlog fills.
    "backlog": {
        "SCORELINE_WORKER_PROCESSES": "1",
        "SCORELINE_PATIENTS_LIMIT": "1000",
        "SCORELINE_BACKLOG_LIMIT": "3000",
    }
}
"""Settings of the service that a flood needs, by its name."""


@dataclass(slots=True)
class Seen:
    """What the other key saw in one kind of time: seconds of each patient, refusals, and seconds of each small file."""

    waits_s: list[float] = field(default_factory=list)
    refused: int = 0
    files_s: list[float] = field(default_factory=list)

    def figures(self, name: str) -> Figures:
        """Return the figures: milliseconds of a patient, refusals, seconds of the slowest small file."""
        waits_s = sorted(self.waits_s) or [math.inf]
        p50, p99 = (1e3 * waits_s[math.ceil(share * len(waits_s)) - 1] for share in (0.5, 0.99))
        values = {"p50": p50, "p99": p99, "refused": self.refused, "file": max(self.files_s), "asked": len(waits_s)}
        return {(name, 1, figure): value for figure, value in values.items()}


@dataclass(frozen=True, slots=True)
class Bodies:
    """What is sent: the other key's patients and small file, and the file that each flood sends again and again."""

    patients: Sequence[bytes]
    small: bytes
    floods: dict[str, Path]


def measure(rounds: int, seconds: float) -> list[Figures]:
    """Return the figures of each round; the other key asks for so many seconds in each flood, and idle around it."""
    with TemporaryDirectory(prefix="fairness") as name:
        bodies = write_bodies(Path(name))
        found: list[Figures] = [{} for _ in range(rounds)]
        turns = [(number, kind) for number in range(rounds) for kind in KINDS]
        for number, kind in track(turns, "Measuring fairness"):
            folder = Path(name) / f"{number}-{kind}"
            folder.mkdir()
            found[number] |= measure_kind(folder, kind, bodies, seconds)
    return found


def write_bodies(folder: Path) -> Bodies:
    """Write the files that are sent."""
    cases = [case.patient.model_dump(mode="json") for case in read_cases()]
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerows([COLUMNS, *([case[name] for name in COLUMNS] for case in cases[:SMALL_ROWS])])
    middle, small = (write_patients(folder / f"{size}.json", size) for size in (MIDDLE_JOB, 1))
    both = folder / "both.json"
    both.write_bytes(middle.read_bytes() + small.read_bytes().partition(b"\n")[0])
    floods = {
        "files": write(folder / "large.csv", LARGE_ROWS),
        "explained": write_patients(folder / "large.json", LARGE_JOB),
        "backlog": both,
        "answers": folder / "path",
    }
    return Bodies([json.dumps(case).encode() for case in cases], text.getvalue().encode(), floods)


@contextmanager
def keyed(folder: Path, kind: str) -> Iterator[Keyed]:
    """Run a service of all workers that asks for keys."""
    with ExitStack() as stack:
        variables = SETTINGS.get(kind, {}) | {
            "SCORELINE_REDIS_URL": stack.enter_context(valkey(folder / "valkey")),
            "SCORELINE_STORE": f"file://{folder}/store",
            "SCORELINE_VAR": str(folder / "var"),
            "SCORELINE_API_KEYS": "required",
        }
        bulk = ("worker", "run", "--queue", "bulk")
        stack.enter_context(running(*bulk, log=folder / "bulk.log", **variables))
        url = stack.enter_context(service(folder, **variables))
        yield Keyed(url, variables["SCORELINE_REDIS_URL"], folder)


def measure_kind(folder: Path, kind: str, bodies: Bodies, seconds: float) -> Figures:
    """Return what the other key saw of a service while it was flooded, and while it was idle, before and after that."""
    idle, beside = Seen(), Seen()
    with keyed(folder, kind) as service:
        greedy, other = service.make_key(), service.make_key()
        with Client(service.url, other) as client:
            look(client, bodies, SETTLE_S, Seen())  # it is warm from now on
            if kind == "answers":
                bodies.floods[kind].write_text(have_scored(service.url, greedy, bodies.floods["explained"]))
            look(client, bodies, seconds / 2, idle)
            with flooded(kind, service.url, greedy, bodies.floods[kind]) as answers:
                client.hang_up()
                look(client, bodies, seconds, beside)
            look(client, bodies, SETTLE_S, Seen())  # what the flood had in hand is let go
            look(client, bodies, seconds / 2, idle)
    statuses = {(kind, 1, f"answered {status}"): float(times) for status, times in answers.items()}
    return beside.figures(kind) | idle.figures(f"{kind} {IDLE}") | statuses


def have_scored(url: str, key: str, body: Path) -> str:
    """Return the path of a job that was scored with explanations. Raises Overwhelmed."""
    with Client(url, key) as client:
        asked = {"Content_Type": JSON, "Prefer": f"wait={WAIT_S}"}
        if (status := client.ask("POST", "/v1/jobs?explain=true", body.read_bytes(), **asked)) != 200:
            raise Overwhelmed(f"an explained job is answered {status}")
        return client.location


def look(client: Client, bodies: Bodies, seconds: float, seen: Seen) -> None:
    """Have patients scored one after the other for so many seconds, and then a small file."""
    end_s, asked = time.perf_counter() + seconds, {"Content_Type": JSON, "Prefer": f"wait={WAIT_S}"}
    for number in count():
        if number >= LEAST_REQUESTS and time.perf_counter() > end_s:
            break
        start_s = time.perf_counter()
        status = client.ask("POST", "/v1/jobs", bodies.patients[number % len(bodies.patients)], **asked)
        if status in (200, 202):  # a 202 is one that was waited for in vain
            seen.waits_s.append(time.perf_counter() - start_s)
        else:
            refuse(status, seen)
    seen.files_s.append(score_file(client, bodies.small, seen))


def refuse(status: int, seen: Seen) -> None:
    """Count a refusal. Raises Overwhelmed for an answer that is none."""
    if status not in (429, 503, BROKEN):
        raise Overwhelmed(f"a patient is answered {status}")
    seen.refused += 1


def score_file(client: Client, content: bytes, seen: Seen) -> float:
    """Return the seconds from the first byte of a file that is sent to the last of its results, again if refused."""
    start_s = time.perf_counter()
    while (status := client.ask("POST", "/v1/batches", content, Content_Type=CSV)) != 202:
        refuse(status, seen)
        time.sleep(LOOK_EVERY_S)
    place = f"/v1/batches/{client.json()['id']}"
    while client.ask("GET", place) != 200 or client.json()["state"] in OPEN:
        if time.perf_counter() - start_s > FILE_WITHIN_S:
            return math.inf
        time.sleep(LOOK_EVERY_S)
    client.ask("GET", f"{place}/results")
    return time.perf_counter() - start_s
