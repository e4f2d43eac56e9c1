"""The memory of Redis is full: what was accepted is scored, and who submits more is told so."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import httpx2
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.keyed import Keyed, prefix_of
from bench.local.programs import gateway, running, valkey
from core.connect import open_redis
from core.ledger.job import State
from core.ledger.key import Limits
from core.ledger.redis.batches import Batches
from core.ledger.redis.keys import BATCHES, JOBS
from core.ledger.redis.ledger import RedisLedger
from core.schema.patient import EXAMPLE
from core.settings import Settings
from tests.receiver import SECRET, receiving

MANY, CALLERS = 2_000, 16
FILES, ROWS = 3, 500
DRAINED_WITHIN_S, SOON_S = 90, 30
CSV = "\n".join([",".join(map(str, EXAMPLE)), *[",".join(map(str, EXAMPLE.values()))] * ROWS])
AS_CSV = {"Content-Type": "text/csv"}
ROOMS = {"run": ("run",), "bulk": ("run", "--queue", "bulk"), "notify": ("notify",), "sweep": ("sweep",)}
QUICK = {"SCORELINE_WORKER_PROCESSES": "1", "SCORELINE_BULK_PROCESSES": "1", "SCORELINE_CANARY_EVERY_S": "0.5"}
NEARLY_FULL = 0.92
"""A share of `maxmemory` above that from which on new work is refused, 0.85, and below all of it."""

OTHERS_BYTES = 20_000_000  # beside which what connections take does not matter
OFTEN = Limits(requests_per_s=100_000)
"""A limit of requests, so that each is counted in Redis."""


def test_with_memory_full_what_was_accepted_is_scored_and_more_is_refused_until_there_is_room(tmp_path: Path) -> None:
    with ExitStack() as stack:
        redis_url = stack.enter_context(valkey(tmp_path / "valkey"))
        settings = Settings(redis_url=redis_url)
        redis = stack.enter_context(open_redis(settings))
        told = stack.enter_context(receiving())
        variables = QUICK | {
            "SCORELINE_REDIS_URL": redis_url,
            "SCORELINE_API_KEYS": "required",
            "SCORELINE_STORE": f"file://{tmp_path}/store",
            "SCORELINE_VAR": str(tmp_path / "var"),
            "SCORELINE_CALLBACK_SECRET": SECRET,
            "SCORELINE_CALLBACK_PRIVATE": "true",
        }
        url = stack.enter_context(gateway(tmp_path, **variables))
        house = Keyed(url, redis_url, tmp_path)
        key = house.make_key(limits=OFTEN)
        client = stack.enter_context(house.client(key))
        redis.set("others", bytes(OTHERS_BYTES))
        accept(client, told.url)
        used = int(redis.info("memory")["used_memory"])
        redis.config_set("maxmemory", int(used / NEARLY_FULL))
        wait_until(lambda: submit(client) == 503, within_s=SOON_S, what="a submit to be refused while there is room")
        redis.config_set("maxmemory", used // 2)
        refuse_all(client)
        end_some(client)
        enter_and_leave(url, key)

        rooms = stack.enter_context(at_work(tmp_path, variables))
        drain(client, redis, settings, prefix_of(key))
        wait_until(lambda: len(told.told) == FILES, within_s=SOON_S, what="the callbacks")
        assert [name for name, room in rooms.items() if room.poll() is not None] == []
        assert [path.name for path in tmp_path.glob("*.log") if "Traceback" in path.read_text()] == []
        assert int(redis.info("memory")["used_memory"]) > int(redis.config_get("maxmemory")["maxmemory"])
        refuse_all(client)

        redis.config_set("maxmemory", 0)
        wait_until(lambda: submit(client) == 202, within_s=SOON_S, what="a submit to be accepted")
        scored = client.post("/v1/jobs", json=EXAMPLE, headers={"Prefer": "wait=30"})
        assert (scored.status_code, scored.json()["state"]) == (200, "succeeded")


def accept(client: httpx2.Client, callback_url: str) -> None:
    """Submit thousands of jobs, and some files whose end is to be told."""
    with ThreadPoolExecutor(CALLERS) as callers:
        assert set(callers.map(submit, [client] * MANY)) == {202}
    for _ in range(FILES):
        calling = {"callback_url": callback_url}
        assert client.post("/v1/batches", params=calling, content=CSV, headers=AS_CSV).status_code == 202


def submit(client: httpx2.Client) -> int:
    """Submit a job, and return the status that is answered."""
    return client.post("/v1/jobs", json=EXAMPLE).status_code


def refuse_all(client: httpx2.Client) -> None:
    """Check that all that is new is refused as it must be: a file before a byte of it has come."""
    answers = [client.post(path, json=EXAMPLE) for path in ("/v1/jobs", "/api/prediction")]
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.json()["type"] for answer in answers} == {"urn:scoreline:problem:memory-full"}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)
    with closing(HTTPConnection(client.base_url.host, client.base_url.port, timeout=SOON_S)) as line:
        line.putrequest("POST", "/v1/batches")
        for name, value in {**client.headers, **AS_CSV, "Content-Length": str(len(CSV))}.items():
            line.putheader(name, value)
        line.endheaders()
        upload = line.getresponse()
        assert (upload.status, b"memory-full" in upload.read()) == (503, True)


def end_some(client: httpx2.Client) -> None:
    """Cancel one of the jobs that wait, and erase another."""
    canceled, erased = (job["id"] for job in client.get("/v1/jobs", params={"limit": 2}).json()["data"])
    assert client.post(f"/v1/jobs/{canceled}/cancel").json()["state"] == "canceled"
    assert client.delete(f"/v1/jobs/{erased}").status_code == 204


def enter_and_leave(url: str, key: str) -> None:
    """Enter the key on the pages, look at a list, and leave."""
    with httpx2.Client(base_url=url, headers={"Origin": url}, timeout=SOON_S) as browser:
        assert browser.post("/enter", data={"key": key}).status_code == 303
        assert browser.get("/jobs").status_code == 200
        assert browser.post("/leave").status_code == 303


@contextmanager
def at_work(folder: Path, variables: dict[str, str]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Run everyone who works on what was accepted, and give their processes by name."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(running("worker", *command, log=folder / f"{name}.log", **variables))
            for name, command in ROOMS.items()
        }


def drain(client: httpx2.Client, redis: Redis, settings: Settings, owner: str) -> None:
    """Wait until all that was accepted has ended well; once the service is ready, it stays so."""
    ledgers = (RedisLedger(redis, settings), Batches(redis, settings))

    def is_ready() -> bool:
        return client.get("/health/ready").status_code == 200

    def is_drained() -> bool:
        assert is_ready(), "it was ready, and is no longer"
        return not any(sum(ledger.read_stats().open_jobs.values()) for ledger in ledgers)

    wait_until(is_ready, within_s=SOON_S, what="the service to be ready")
    wait_until(is_drained, within_s=DRAINED_WITHIN_S, what="all to be scored")
    jobs, files = (
        {state: redis.zcard(keys.index_of(owner) + state) for state in State if state.ended} for keys in (JOBS, BATCHES)
    )
    assert jobs.pop(State.SUCCEEDED) >= MANY - 2, jobs
    assert files.pop(State.SUCCEEDED) == FILES, files
    assert jobs == {State.CANCELED: 1, State.FAILED: 0, State.EXPIRED: 0}
