"""A whole service whose Redis loses what it was given: emptied, or started again with an older copy of its files."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

import httpx2
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import STARTED_WITHIN_S, free_port, gateway, responds, running, start_valkey
from core.ids import first_id_at, ms_of_id
from core.ledger.continuity import Mirror
from core.ledger.redis.checkpoint import Checkpoint
from core.schema.patient import EXAMPLE
from core.settings import Settings
from core.storage.store import Store

GATEWAYS = ("first", "second")
WORKERS = {"run": ("run",), "bulk": ("run", "--queue", "bulk")}
PROGRAMS = ("sweep", *WORKERS, *GATEWAYS)
SEEN_WITHIN_S = 10
FILE = "\n".join([",".join(EXAMPLE), *[",".join(map(str, EXAMPLE.values()))] * 3])
TAIL = "-7000-8000-000000000000"


class Ruined:
    """Valkey, sweep, two gateways and, where it `scores`, a worker of either queue; data and logs are in `folder`.

    `settings` are environment variables. What runs is ended when the block of `open` is left.
    """

    def __init__(self, folder: Path, *, scores: bool = True, **settings: str) -> None:
        self.folder = folder
        self.programs = PROGRAMS if scores else tuple(name for name in PROGRAMS if name not in WORKERS)
        self._ended, self._ready = ("succeeded", "/health/ready") if scores else ("queued", "/health/live")
        self.port = free_port()
        self.variables = settings | {
            "SCORELINE_REDIS_URL": f"redis://127.0.0.1:{self.port}/0",
            "SCORELINE_WORKER_PROCESSES": "1",
            "SCORELINE_BULK_PROCESSES": "1",
        }
        self.redis = Redis(port=self.port)
        self.gateways: list[httpx2.Client] = []
        self.metrics: list[str] = []
        self._valkey: subprocess.Popen[bytes] | None = None

    @contextmanager
    def open(self) -> Iterator[None]:
        """Run all of it on the data that is there, ready for jobs and files, until the block is left."""
        with ExitStack() as stack:
            self.start_redis()
            stack.callback(self.stop_redis)
            for name in self.programs:
                if name in GATEWAYS:
                    continue
                command = WORKERS.get(name, (name,))
                stack.enter_context(running("worker", *command, log=self.folder / f"{name}.log", **self.variables))
            for name in GATEWAYS:
                folder = self.folder / name
                folder.mkdir(exist_ok=True)
                store = {"SCORELINE_STORE": f"file://{self.folder}/store"}
                port = str(free_port())
                shown = {"SCORELINE_API_METRICS_PORT": port}
                url = stack.enter_context(gateway(folder, **self.variables, **store, **shown))
                wait_until(
                    lambda url=url: responds(f"{url}{self._ready}"),  # type: ignore[misc]
                    within_s=STARTED_WITHIN_S,
                    what="the service to be ready",
                )
                self.gateways.append(stack.enter_context(httpx2.Client(base_url=url, timeout=30)))
                self.metrics.append(f"http://127.0.0.1:{port}/metrics")
            stack.callback(self.gateways.clear)
            stack.callback(self.metrics.clear)
            yield

    def start_redis(self) -> None:
        """Start Valkey on what it has on its disk."""
        self._valkey = start_valkey(self.folder / "valkey", self.port)

    def stop_redis(self) -> None:
        """Kill Valkey, if it runs."""
        if self._valkey:
            self._valkey.kill()
            self._valkey.wait()

    def copy_redis(self, name: str) -> None:
        """Keep a copy of what Valkey has on its disk; it is stopped meanwhile."""
        self.stop_redis()
        shutil.copytree(self.folder / "valkey" / "appendonlydir", self.folder / name)
        self.start_redis()

    def set_back_redis(self, name: str) -> None:
        """Kill Valkey, and start it on the copy."""
        self.stop_redis()
        shutil.rmtree(self.folder / "valkey" / "appendonlydir")
        shutil.copytree(self.folder / name, self.folder / "valkey" / "appendonlydir")
        self.start_redis()

    def submit(self) -> str:
        """Have a patient scored, if there is who scores, and return where the job is."""
        return self._end(self.gateways[0].post("/v1/jobs", json=EXAMPLE))

    def upload(self) -> str:
        """Have a file scored, if there is who scores, and return where the batch is."""
        return self._end(self.gateways[0].post("/v1/batches", content=FILE, headers={"Content-Type": "text/csv"}))

    def _end(self, submitted: httpx2.Response) -> str:
        path: str = submitted.headers["Location"]
        wait_until(lambda: self.gateways[0].get(path).json()["state"] == self._ended, within_s=30, what="the scores")
        return path

    def mirrored(self) -> Checkpoint:
        """Return the checkpoint in the store, or one that is none."""
        store = Store.open(Settings(store=f"file://{self.folder}/store"))
        return Mirror(store).read() or Checkpoint(epoch="", mark_ms=0)

    def settle(self, path: str) -> None:
        """Return once the mirror knows of the job or batch."""
        made_ms = ms_of_id(path.rpartition("/")[2])
        wait_until(lambda: self.mirrored().mark_ms > made_ms, within_s=SEEN_WITHIN_S, what="the mirror")

    def ask(self, path: str) -> list[tuple[int, str]]:
        """Return status and type of what each gateway answers to a GET."""
        return [kind_of(client.get(path)) for client in self.gateways]

    def losses(self) -> list[float]:
        """Return when each gateway says that something was lost last."""
        return [last_loss(httpx2.get(url, timeout=30).text) for url in self.metrics]

    def said(self, program: str) -> str:
        """Return what a program has written to its log."""
        log = self.folder / program / "api.log" if program in GATEWAYS else self.folder / f"{program}.log"
        return log.read_text()


def kind_of(answer: httpx2.Response) -> tuple[int, str]:
    """Return the status and the type of a problem, empty for what is none."""
    problem = answer.headers.get("content-type", "") == "application/problem+json"
    return answer.status_code, answer.json()["type"].rpartition(":")[2] if problem else ""


def last_loss(text: str) -> float:
    """Return the metric of the last loss."""
    name = "scoreline_last_ledger_loss_timestamp_seconds"
    [metric] = [found for found in text_string_to_metric_families(text) if found.name == name]
    return float(metric.samples[0].value)


def made_at(ms: int) -> str:
    """Return where a job would be whose id was made then; there is none."""
    return f"/v1/jobs/{UUID(first_id_at(ms) + TAIL)}"
