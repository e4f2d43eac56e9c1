"""A whole Scoreline on this machine: broker, gateway, workers and sweep, each a real process under supervision."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx2
from pydantic_core import from_json
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import ROOT, STARTED_WITHIN_S, free_port, responds, start, start_python, start_valkey
from core.connect import open_redis
from core.errors import ExpiredJob, UnknownJob, UnreadableRecord
from core.ledger.redis.ledger import RedisLedger
from core.settings import Settings
from core.transport.queue import INTERACTIVE
from tests.faults.loss import Window
from tests.faults.supervisor import Launch, Program

PRODUCT = "worker.entry"
ANSWERED_WITHIN_S = 15


class House:
    """Two workers and the rest, on ports of its own, data and logs in `folder`, until the block is left.

    `settings` are environment variables. It is ready once `READY` is answered 200.
    """

    READY = "/health/ready"

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder, self.bundle = folder, folder / "bundle"
        self.broker_port, self.port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._variables = {
            "SCORELINE_STORE": f"file://{folder}/store",
            "SCORELINE_VAR": str(folder / "var"),
            "SCORELINE_BUNDLE": str(self.bundle),
            "SCORELINE_API_PORT": str(self.port),
            **settings,
            "SCORELINE_REDIS_URL": self.redis_url,
        }
        self._entry = PRODUCT
        self._stack = ExitStack()

    @property
    def windows(self) -> list[Window]:
        """When that was written which may be lost with a master that died."""
        return []

    def __enter__(self) -> Self:
        shutil.copytree(ROOT / Settings().bundle, self.bundle)
        with self._stack:
            self.client = self._stack.enter_context(httpx2.Client(base_url=self.url, timeout=ANSWERED_WITHIN_S))
            self._start_redis()
            self.gateway = self._run("gateway", partial(self._python, "api"))
            self.reaper = self._run("sweep", partial(self._python, "worker", "sweep"))
            self.workers = [self._run(name, self.worker_launch(name)) for name in ("first", "second")]
            ready = self.url + self.READY
            self._start_others()
            wait_until(lambda: responds(ready), within_s=STARTED_WITHIN_S, what="the house to be ready")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def worker_launch(self, name: str, entry: str = PRODUCT, **variables: str) -> Launch:
        """Return how to start a worker of that name with further environment variables; `entry` is Celery's way in."""
        if entry == PRODUCT:
            return lambda: self._python("worker", "run", "--name", name, **variables)
        # What `python -m worker run` becomes, but for the way in.
        options = ["--pool=prefork", "--concurrency=2", f"--queues={INTERACTIVE}", f"--hostname={name}@%h"]
        command = [f"--app={entry}", "worker", *options, "--loglevel=WARNING", "--without-gossip", "--without-mingle"]
        return lambda: self._python("celery", *command, **variables)

    def employ(self, entry: str) -> None:
        """Have all workers come in this way from now on; those that did not are killed first."""
        if entry != self._entry:
            self._entry = entry
            for worker in self.workers:
                worker.exchange(self.worker_launch(worker.name, entry))

    @property
    def redis_url(self) -> str:
        """Where the programs find Redis."""
        return f"redis://127.0.0.1:{self.broker_port}/0"

    def _start_redis(self) -> None:
        """Start what the programs find there."""
        self.broker = self._run("broker", self.start_broker)

    def _start_others(self) -> None:
        """Start what this house has besides."""

    @contextmanager
    def redis(self) -> Iterator[Redis]:
        """Give a client of the broker, that is of the master where there are several."""
        with open_redis(self.settings) as redis:
            yield redis

    @property
    def settings(self) -> Settings:
        """The settings by which a test reaches the ledger itself."""
        return Settings(redis_url=self.redis_url)

    def start_broker(self) -> subprocess.Popen[bytes]:
        """Start Valkey on its port and folder, and return once it answers, its AOF read."""
        process = start_valkey(self.folder / "valkey", self.broker_port)
        assert isinstance(process.args, tuple)
        self._broker_command = [str(part) for part in process.args]
        return process

    def start_broker_at_once(self) -> subprocess.Popen[bytes]:
        """Start Valkey as ever, and do not wait for it: it may not be able to answer."""
        return start(*self._broker_command, log=self.folder / "valkey" / "log")

    def start_broker_on_full_disk(self, room_bytes: int) -> subprocess.Popen[bytes]:
        """Start Valkey as ever, but let no file grow beyond `room_bytes` more than its AOF has by now."""
        folder = self.folder / "valkey"
        most = max(file.stat().st_size for file in (folder / "appendonlydir").iterdir()) + room_bytes
        narrow = [sys.executable, "-m", "tests.faults.narrow_disk", str(most)]
        return start(*narrow, *self._broker_command, log=folder / "log")

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON that a GET answers, or None if it is refused or lost."""
        try:
            answer = self.client.get(path, params=parameters)
        except httpx2.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def tells_of_loss(self, path: str) -> bool:
        """Whether a GET is answered that this was lost with the ledger."""
        answer = self.client.get(path)
        return answer.status_code == 410 and str(answer.json()["type"]).endswith(":ledger-lost")

    def running(self) -> set[str]:
        """Return the ids of jobs in the hands of workers, up to 1,000, or none if no answer came."""
        page = self.get("/v1/jobs", state="running", limit=1000)
        return {job["id"] for job in page["data"]} if page else set()

    def is_open_before(self, id: str) -> bool:
        """Whether some job made before that id has not ended; also if no answer came."""
        pages = [self.get("/v1/jobs", state=state, limit=1, after=id) for state in ("queued", "running")]
        return any(page is None or page["data"] for page in pages)

    def jobs(self) -> Iterator[dict[str, Any]]:
        """Give every job that the pages list, newest first, whole: a page has no scores, so each is read for itself."""
        with self.redis() as redis:
            ledger = RedisLedger(redis, self.settings)
            for id in self._ids():
                try:
                    answer = ledger.answer(id)
                    pieces = answer.pieces(ledger.rows(id)) if answer.rows_bytes else (answer.to_json(),)
                    yield from_json(b"".join(pieces))
                except (UnknownJob, ExpiredJob):
                    continue
                except UnreadableRecord:
                    yield {"id": id, "state": "unreadable", "scores": None, "error": None, "finished_at": None}

    def _ids(self) -> Iterator[str]:
        after: dict[str, str] = {}
        while True:
            page = wait_until(
                lambda: self.get("/v1/jobs", limit=1000, **after),  # noqa: B023 - called at once
                within_s=STARTED_WITHIN_S,
                what="a page of jobs",
            )
            yield from (job["id"] for job in page["data"])
            if not page["has_more"]:
                return
            after = {"after": page["last_id"]}

    def _python(self, module: str, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        log = self.folder / f"{module}.log"
        return start_python(module, *arguments, log=log, **self._variables, **variables)

    def _run(self, name: str, launch: Launch) -> Program:
        program = Program(name, launch)
        self._stack.callback(program.stop)
        return program
