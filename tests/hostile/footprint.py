"""What one connection costs a gateway in memory, beyond what the largest valid submit costs."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.load.lag import watched
from bench.local.conditions import wait_until
from bench.local.keyed import Keyed
from bench.local.programs import STARTED_WITHIN_S, free_port, responds, running, service, valkey
from core.schema.patient import EXAMPLE
from core.settings import Settings
from monitoring.processes import children
from tests.hostile.attacks import Prepared
from tests.hostile.bodies import HEADER, ROW

JSON, CSV = "application/json", "text/csv"
PATIENTS, ROWS, FEW = 10_000, 200_000, 20
NOWHERE = Prepared(("127.0.0.1", 0), "", "", "")
WAIT = "wait=60"
RESET_PEAK = "5"  # what Linux is told to begin anew with VmHWM: proc(5), clear_refs


@dataclass(frozen=True, slots=True)
class Ground:
    """A service that has scored a large job and a large file; gateways that are attacked are started beside its own."""

    folder: Path
    redis_url: str
    own: Prepared = NOWHERE

    @property
    def variables(self) -> dict[str, str]:
        """The settings of each program."""
        return {
            "SCORELINE_REDIS_URL": self.redis_url,
            "SCORELINE_STORE": f"file://{self.folder}/store",
            "SCORELINE_VAR": str(self.folder / "var"),
            "SCORELINE_API_KEYS": "required",
        }


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """Run it until the block is left."""
    with ExitStack() as stack:
        redis_url = stack.enter_context(valkey(folder / "valkey"))
        bare = Ground(folder, redis_url)
        bulk = ("worker", "run", "--queue", "bulk")
        stack.enter_context(running(*bulk, log=folder / "bulk.log", **bare.variables))
        url = stack.enter_context(service(folder, **bare.variables))
        key = Keyed(url, redis_url, folder).make_key()
        yield Ground(folder, redis_url, prepare(int(url.rpartition(":")[2]), f"Authorization: Bearer {key}"))


def prepare(port: int, login: str) -> Prepared:
    """Have a large job and a large file scored by the service on this port, and return what there is to ask for."""
    prepared = replace(NOWHERE, door=("127.0.0.1", port), login=login)
    job = ask(prepared, "POST", "/v1/jobs?explain=true", largest(), Content_Type=JSON, Prefer=WAIT)["id"]
    return replace(prepared, job=job, batch=score_file(prepared, ROWS))


def largest() -> bytes:
    """Return the largest body of a submit that is taken."""
    return json.dumps({"patients": [EXAMPLE] * PATIENTS}).encode().ljust(Settings().body_limit_bytes)


def score_file(prepared: Prepared, rows: int) -> str:
    """Have a file of so many rows scored, and return the id of its batch."""
    place = f"/v1/batches/{ask(prepared, 'POST', '/v1/batches', HEADER + ROW * rows, Content_Type=CSV)['id']}"
    wait_until(lambda: ask(prepared, "GET", place)["state"] == "succeeded", within_s=60, what="the file to be scored")
    return place.rpartition("/")[2]


def ask(prepared: Prepared, method: str, path: str, body: bytes = b"", **headers: str) -> dict[str, str]:
    """Make a request with the key, and return the JSON that is answered, or nothing if it is none."""
    login, _, key = prepared.login.partition(": ")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(*prepared.door, timeout=60)
    try:
        connection.request(method, path, body, {login: key, **named})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status < 300, said
        found: dict[str, str] = json.loads(said) if answer.headers.get_content_type() == JSON else {}
        return found
    finally:
        connection.close()


@contextmanager
def warm_gateway(place: Ground) -> Iterator[tuple[Prepared, int]]:
    """Run a gateway that has done a little of everything; give how to reach it, and its process."""
    port = free_port()
    log = place.folder / "attacked.log"
    with running("api", log=log, SCORELINE_API_PORT=str(port), **place.variables) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: responds(f"{url}/health/live"), within_s=STARTED_WITHIN_S, what="the gateway to answer")
        prepared = replace(place.own, door=("127.0.0.1", port))
        for _ in range(FEW):
            ask(prepared, "POST", "/v1/jobs", json.dumps(EXAMPLE).encode(), Content_Type=JSON, Prefer=WAIT)
        batch = score_file(prepared, FEW)
        for path in ("/openapi.json", "/v1/jobs", f"/v1/batches/{batch}/results?format=parquet"):
            ask(prepared, "GET", path)
        yield prepared, process.pid


@dataclass(frozen=True, slots=True)
class Footprint:
    """By how much a gateway's memory grew at most, and how long others waited meanwhile for `/health/live`."""

    grown_bytes: int
    p99_ms: float


def measure(place: Ground, do: Callable[[Prepared], None]) -> Footprint:
    """Return the footprint in a warm gateway of what is done to it."""
    with warm_gateway(place) as (prepared, pid), watched(f"http://127.0.0.1:{prepared.door[1]}") as lag:
        pids = (pid, *children(pid))
        for one in pids:
            Path(f"/proc/{one}/clear_refs").write_text(RESET_PEAK)
        before = sum(read_bytes(one, "VmRSS") for one in pids)
        do(prepared)
        grown = sum(read_bytes(one, "VmHWM") for one in pids) - before
    return Footprint(grown, lag["p99_ms"])


def measure_largest(place: Ground) -> Footprint:
    """Return the footprint of the largest valid submit, whose client waits for the answer."""

    def submit(prepared: Prepared) -> None:
        ask(prepared, "POST", "/v1/jobs?explain=true", largest(), Content_Type=JSON, Prefer=WAIT)

    return measure(place, submit)


def read_bytes(pid: int, name: str) -> int:
    """Return a figure of a process's memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])
