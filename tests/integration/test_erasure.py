"""DELETE proves itself: whatever way a patient went through the service, nothing is left of their values."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.keyed import Keyed
from bench.local.programs import free_port, gateway, running, valkey
from core.ledger.batch import BATCHES_FOLDER
from core.ledger.job import JobError
from core.ledger.protocol import Outcome
from core.ledger.redis.ledger import RedisLedger
from core.schema.patient import EXAMPLE
from core.settings import Settings
from core.transport.message import Message
from tests.receiver import SECRET, Receiver, receiving

NAME = "Erika-Mustermann-4711"
VALUES = {"age": 57.34375, "trestbps": 123.4375, "chol": 301.8125, "thalach": 171.0625, "oldpeak": 2.1875}
PATIENT = EXAMPLE | VALUES
SENTINELS = [NAME.encode(), *(str(value).encode() for value in VALUES.values())]
HEADER = [*PATIENT, "name"]
ROW = [*map(str, PATIENT.values()), NAME]
BAD = [*ROW[:3], f"x{PATIENT['trestbps']}", *ROW[4:]]
CSV = "\n".join(",".join(cells) for cells in (HEADER, ROW, BAD, "")).encode()
SOON_S = 60


class House:
    """A gateway and its Valkey, whose workers a test starts when it wants them."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.folder = folder
        redis_url = stack.enter_context(valkey(folder / "valkey"))
        self.metrics = {name: free_port() for name in ("API", "WORKER")}
        self.variables = {
            "SCORELINE_REDIS_URL": redis_url,
            "SCORELINE_API_KEYS": "required",
            "SCORELINE_STORE": f"file://{folder}/store",
            "SCORELINE_VAR": str(folder / "var"),
            "SCORELINE_CALLBACK_SECRET": SECRET,
            "SCORELINE_CALLBACK_PRIVATE": "true",
            "SCORELINE_REWRITE_WITHIN_S": "1",
            **{f"SCORELINE_{name}_METRICS_PORT": str(port) for name, port in self.metrics.items()},
        }
        self.redis = stack.enter_context(Redis.from_url(redis_url))
        url = stack.enter_context(gateway(folder, **self.variables))
        keyed = Keyed(url, redis_url, folder)
        self.client = stack.enter_context(keyed.client(keyed.make_key()))
        quick = {"lease_s": 0.2, "task_limit_s": 0.1, "deliveries_limit": 1}
        self.ledger = RedisLedger(self.redis, Settings(redis_url=redis_url, **quick))  # type: ignore[arg-type]

    def submit(self, path: str = "/v1/jobs", **body: Any) -> str:
        """Submit the patient, and return where the job is."""
        answer = self.client.post(path, **(body or {"json": PATIENT}))
        assert answer.status_code == 202, answer.text
        return answer.headers["Location"]

    def fail(self, location: str) -> None:
        """Have a job fail in a worker's hands."""
        id = location.rpartition("/")[2]
        assert self.ledger.claim(Message(0, [id]))
        error = JobError(code="scoring-failed", message="It could not be scored.")
        assert self.ledger.finish([Outcome(id, error=error)]) == 1

    def quarantine(self, location: str) -> None:
        """Have no worker come back from a job."""
        message = Message(0, [location.rpartition("/")[2]])
        assert self.ledger.claim(message)
        wait_until(lambda: not self.ledger.claim(message) and self.ledger.dead_letters(limit=9), within_s=9, what="it")

    def state(self, location: str) -> str:
        """Return the state of a job or batch."""
        return str(self.client.get(location).json()["state"])

    def found(self) -> set[str]:
        """Return every place where one of the patient's values is."""
        kept = {f"redis {name}": content for name, content in contents(self.redis)}
        files = [path for path in (self.folder / "store").rglob("*") if path.is_file()]
        files += [*self.folder.glob("*.log"), self.folder / "valkey" / "log", *(self.folder / "var").rglob("*")]
        kept |= {f"file {path.name}": path.name.encode() + path.read_bytes() for path in files if path.is_file()}
        started = {"API": True, "WORKER": (self.folder / "run.log").exists()}
        for name, port in self.metrics.items():
            if started[name]:
                kept[f"metrics of {name}"] = httpx2.get(f"http://127.0.0.1:{port}/metrics").content
        return {place for place, content in kept.items() if any(value in content for value in SENTINELS)}

    def on_disk(self) -> set[str]:
        """Return which of Redis's files one of the patient's values is in."""
        files = [path for path in (self.folder / "valkey").rglob("*") if path.is_file()]
        return {path.name for path in files if any(value in read(path) for value in SENTINELS)}


def read(path: Path) -> bytes:
    """Return what is in a file, nothing once it is gone."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        yield House(stack, tmp_path)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def contents(redis: Redis) -> Iterator[tuple[str, bytes]]:
    """Yield the name of every key, with that and all that it holds."""
    for key in redis.scan_iter():
        kind: Any = redis.type(key)
        if kind == b"none":  # it ended since it was found, as what is in a queue does
            continue
        read: dict[bytes, tuple[str, ...]] = {
            b"string": ("GET",),
            b"hash": ("HGETALL",),
            b"list": ("LRANGE", "0", "-1"),
            b"set": ("SMEMBERS",),
            b"zset": ("ZRANGE", "0", "-1"),
            b"stream": ("XRANGE", "-", "+"),
        }
        command, *rest = read[kind]
        yield key.decode(), key + repr(redis.execute_command(command, key, *rest)).encode()


def erase(house: House, locations: list[str]) -> None:
    """Erase all of them."""
    for location in locations:
        assert house.client.delete(location).status_code == 204
        assert house.client.get(location).status_code == 404


def test_nothing_is_left_of_a_patient_who_was_erased(house: House, receiver: Receiver) -> None:
    told: dict[str, Any] = {"params": {"callback_url": f"{receiver.url}/{NAME}"}, "json": PATIENT}
    failed = house.submit()
    house.fail(failed)
    quarantined = house.submit()
    house.quarantine(quarantined)
    waiting, named = house.submit(), house.submit(**told)
    batches = [
        house.submit("/v1/batches?id_column=name", content=CSV, headers={"Content-Type": "text/csv"}),
        house.submit("/v1/batches", files={"file": (f"{NAME}.csv", CSV, "text/csv")}),
    ]
    refused = house.client.post("/v1/jobs", json=PATIENT | {"age": 5734.375, NAME: 1})
    assert refused.status_code == 422
    assert {place.split()[0] for place in house.found()} == {"redis", "file"}  # so that it can be found at all

    with ExitStack() as stack:
        for name, *arguments in (
            ("run", "run"), ("bulk", "run", "--queue", "bulk"), ("sweep", "sweep"), ("notify", "notify")
        ):  # fmt: skip
            stack.enter_context(running("worker", *arguments, log=house.folder / f"{name}.log", **house.variables))
        many = house.submit(json={"patients": [PATIENT] * 3}, headers={"Idempotency-Key": f'"{NAME}"'})
        explained = house.submit("/v1/jobs?explain=true")
        ended = [waiting, named, many, explained, *batches]
        for location in ended:
            wait_until(lambda at=location: house.state(at) == "succeeded", within_s=SOON_S, what=location)  # type: ignore[misc]
        wait_until(lambda: receiver.told, within_s=SOON_S, what="the callback")
        assert house.client.post("/api/prediction?explain=true", json=PATIENT).status_code == 200
        listed = [f"/v1/jobs/{job['id']}" for job in house.client.get("/v1/jobs").json()["data"]]
        assert {waiting, failed, quarantined, named, many, explained} < set(listed)
        assert house.found()
        erase(house, [*listed, *batches])
        wait_until(lambda: not any((house.folder / "store").rglob("0*")), within_s=SOON_S, what="the store to be swept")
        assert house.found() == set()
        wait_until(lambda: not house.on_disk(), within_s=SOON_S, what="Redis's disk to forget them")


def test_nothing_is_left_of_a_patient_whose_time_is_over(house: House) -> None:
    house.variables["SCORELINE_RESULT_TTL"] = "2"
    with ExitStack() as stack:
        for name in ("run", "sweep"):
            stack.enter_context(running("worker", name, log=house.folder / f"{name}.log", **house.variables))
        location = house.submit("/v1/jobs?explain=true", json=PATIENT, headers={"Idempotency-Key": f'"{NAME}"'})
        wait_until(lambda: house.client.get(location).status_code == 410, within_s=SOON_S, what="it to be gone")
        wait_until(lambda: not house.on_disk(), within_s=SOON_S, what="Redis's disk to forget them")
        assert house.found() == set()


def test_nobody_else_may_read_what_gateway_and_workers_write(house: House) -> None:
    old = house.folder / "store" / BATCHES_FOLDER / "old" / "in"
    old.mkdir(parents=True)
    (old / "000001").write_bytes(CSV)
    for path in (old / "000001", *old.parents[:3]):
        path.chmod(0o755)
    with running("worker", "run", "--queue", "bulk", log=house.folder / "bulk.log", **house.variables):
        batch = house.submit("/v1/batches", content=CSV, headers={"Content-Type": "text/csv"})
        wait_until(lambda: house.state(batch) == "succeeded", within_s=SOON_S, what="the file")
        written = [*(house.folder / "store").glob("*/**/*"), *(house.folder / "var").glob("*/**/*")]
        assert len(written) > 5
        assert [path for path in written if path.stat().st_mode & 0o077] == []
