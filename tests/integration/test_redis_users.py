"""Each role has a user of its own in Redis, who may do what the role needs and no more; all of it through TLS."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from bench.local.conditions import wait_until
from bench.local.keyed import prefix_of
from bench.local.programs import ROOT, free_port, gateway, responds, running, start, stop
from core.connect import open_redis
from core.errors import LedgerUnavailable
from core.ledger.redis.checkpoint import Checkpoints
from core.ledger.redis.ledger import RedisLedger
from core.ledger.redis.scripts import raising_ledger_errors
from core.schema.patient import EXAMPLE
from core.settings import Settings
from core.transport.message import Message
from stack.settings import StackSettings
from stack.supervisor import describe_broker
from tests.guarded import Guarded, guarded
from tests.ledgers import Clock
from tests.receiver import SECRET, Receiver, receiving

SOON_S = 60
EXPORTER = [".venv-exporter/bin/python", "-P", "-c", "from src.cli import cli; cli(auto_envvar_prefix='CE')"]
FLOWER = [sys.executable, "-m", "celery", "-A", "worker.entry", "flower", "--address=127.0.0.1", "--logging=error"]
ROWS = 100


@pytest.fixture(scope="module")
def redis_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A Redis with users."""
    with guarded(tmp_path_factory.mktemp("guarded")) as found:
        yield found


def test_every_program_does_its_work_as_its_own_user_and_is_refused_nothing(redis_of: Guarded, tmp_path: Path) -> None:
    settings = {
        "SCORELINE_STORE": f"file://{tmp_path}/store",
        "SCORELINE_VAR": str(tmp_path),
        "SCORELINE_CALLBACK_SECRET": SECRET,
        "SCORELINE_CALLBACK_PRIVATE": "true",
        "SCORELINE_WORKER_PROCESSES": "1",
        "SCORELINE_BULK_PROCESSES": "1",
    }
    worker = settings | redis_of.variables("worker")
    with ExitStack() as stack:
        keyed = settings | redis_of.variables("gateway") | {"SCORELINE_API_KEYS": "required"}
        limits = ["--requests-per-second=1000", "--rows-per-day=100000", "--batches-at-once=9"]
        key = operate("keys", "create", "--name=all", *limits, **keyed)
        url = stack.enter_context(gateway(tmp_path, **keyed))
        shown = {"Authorization": f"Bearer {key}"}
        client = stack.enter_context(httpx2.Client(base_url=url, headers=shown, timeout=60))
        told = stack.enter_context(receiving())
        replay(client, redis_of)
        for name, *arguments in (("run",), ("bulk", "run", "--queue", "bulk"), ("sweep",), ("notify",)):
            command = arguments or [name]
            stack.enter_context(running("worker", *command, log=tmp_path / f"{name}.log", **worker))
        look_on(stack, redis_of, tmp_path)
        score(client, told)
        inspect(redis_of)
        enter_and_leave(url, key)
        assert prefix_of(key) in operate("keys", "list", **keyed)
        operate("keys", "revoke", prefix_of(key), **keyed)
        wait_until(lambda: client.get("/v1/jobs").status_code == 401, within_s=SOON_S, what="the key to be refused")
        assert "revoke-key" in operate("audit", **keyed)
    assert redis_of.refused() == []


def test_with_memory_full_no_user_is_refused_what_it_takes_to_drain(redis_of: Guarded, tmp_path: Path) -> None:
    settings = {
        "SCORELINE_VAR": str(tmp_path),
        "SCORELINE_WORKER_PROCESSES": "1",
        "SCORELINE_STORE": f"file://{tmp_path}",
    }
    worker = settings | redis_of.variables("worker")
    with ExitStack() as stack:
        url = stack.enter_context(gateway(tmp_path, **settings, **redis_of.variables("gateway")))
        client = stack.enter_context(httpx2.Client(base_url=url, timeout=60))
        job = client.post("/v1/jobs", json=EXAMPLE).headers["Location"]
        admin = stack.enter_context(redis_of.connect("admin"))
        admin.config_set("maxmemory", 1_000)
        stack.callback(admin.config_set, "maxmemory", 0)
        for name in ("run", "sweep"):
            stack.enter_context(running("worker", name, log=tmp_path / f"{name}.log", **worker))
        wait_until(lambda: client.get(job).json()["state"] == "succeeded", within_s=SOON_S, what="the job to be scored")
        wait_until(
            lambda: client.get("/health/ready").status_code == 200, within_s=SOON_S, what="a canary to be scored"
        )
        assert client.post("/v1/jobs", json=EXAMPLE).status_code == 503
        assert client.delete(job).status_code == 204
    assert redis_of.refused() == []


def operate(*arguments: str, **variables: str) -> str:
    """Return what `python -m api` prints for an operator."""
    command = [sys.executable, "-m", "api", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def enter_and_leave(url: str, key: str) -> None:
    """Enter the key on the pages, look at a list, and leave."""
    with httpx2.Client(base_url=url, headers={"Origin": url}) as client:
        assert client.post("/enter", data={"key": key}).status_code == 303
        assert client.get("/jobs").status_code == 200
        assert client.post("/leave").status_code == 303


def replay(client: httpx2.Client, redis_of: Guarded) -> None:
    """Have a job quarantined, of which workers know nothing yet, and replayed."""
    id = client.post("/v1/jobs", json=EXAMPLE).json()["id"]
    variables = redis_of.variables("worker")
    settings, clock = Settings(redis_url=variables["SCORELINE_REDIS_URL"], redis_ca=redis_of.authority), Clock()
    ledger = RedisLedger(open_redis(settings), settings, clock)
    for _ in range(settings.deliveries_limit + 1):
        ledger.claim(Message(clock.ms, [id]))
        clock.move(settings.lease_s + 1)
    for action in (["list"], ["replay", id]):
        command = [sys.executable, "-m", "worker", "quarantine", *action]
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60)
        assert id in done.stdout, done.stderr


def score(client: httpx2.Client, told: Receiver) -> None:
    """Do with jobs and batches all that a client can."""
    wait_until(lambda: client.get("/health/ready").status_code == 200, within_s=SOON_S, what="the service to be ready")
    assert client.post("/api/prediction", params={"explain": True}, json=EXAMPLE).status_code == 200
    many = {"patients": [EXAMPLE] * 20}
    calling = {"callback_url": told.url}
    keyed = {"Idempotency-Key": "once", "Prefer": "wait=30", "Cancel-After": "60s"}
    job = client.post("/v1/jobs", json=many, headers=keyed, params=calling)
    assert job.json()["state"] == "succeeded"
    assert client.post("/v1/jobs", json=many, headers=keyed, params=calling).json()["id"] == job.json()["id"]
    rows = [",".join(map(str, EXAMPLE)), *[",".join(map(str, EXAMPLE.values()))] * ROWS, "nonsense"]
    file, csv = "\n".join(rows), {"Content-Type": "text/csv"}
    uploads = [client.post("/v1/batches", params=calling, content=file, headers=csv) for _ in range(2)]
    places = [upload.headers["Location"] for upload in uploads]
    for place in places:
        wait_until(lambda: client.get(place).json()["state"] == "succeeded", within_s=SOON_S, what="the file's end")  # noqa: B023
        assert client.get(f"{place}/results").text.count("\n") == ROWS + 1
        assert client.get(f"{place}/errors").status_code == 200
    assert client.post(f"{places[0]}/cancel").status_code == 409  # it has ended
    wait_until(lambda: len(told.told) >= 3, within_s=SOON_S, what="the callbacks")  # of what is erased none is sent
    for place in (*places, f"/v1/jobs/{job.json()['id']}"):
        assert client.get(f"{place}/events").status_code == 200
        assert client.delete(place).status_code == 204
        assert client.get(place).status_code == 404
    late = client.post("/v1/jobs", json=EXAMPLE).headers["Location"]
    assert client.post(f"{late}/cancel").status_code in (200, 409)
    for page in (
        "/v1/jobs",
        "/v1/jobs?state=succeeded",
        "/v1/batches",
        "/v1/model",
        "/v1/drift",
        "/system",
    ):
        assert client.get(page).status_code == 200, page


def look_on(stack: ExitStack, redis_of: Guarded, folder: Path) -> None:
    """Run Flower and celery-exporter, and have them see the workers."""
    flower, exporter = free_port(), free_port()
    seeing = redis_of.variables("flower") | {"FLOWER_UNAUTHENTICATED_API": "true", "SCORELINE_CALLBACK_SECRET": SECRET}
    stack.callback(stop, start(*FLOWER, f"--port={flower}", log=folder / "flower.log", **seeing))
    variables = redis_of.variables("exporter")
    told = StackSettings(redis_url=variables["SCORELINE_REDIS_URL"], redis_ca=redis_of.authority)
    options = ["--host=127.0.0.1", f"--port={exporter}", "--queues=interactive,bulk,callbacks", "--retry-interval=5"]
    stack.callback(stop, start(*EXPORTER, *options, log=folder / "exporter.log", **describe_broker(told)))

    def seen() -> bool:
        httpx2.get(f"http://127.0.0.1:{flower}/api/workers", params={"refresh": "true"}, timeout=20)
        lengths = httpx2.get(f"http://127.0.0.1:{flower}/api/queues/length", timeout=20).json()
        return {queue["name"] for queue in lengths["active_queues"]} == {"interactive", "bulk", "callbacks"}

    wait_until(lambda: responds(f"http://127.0.0.1:{flower}/healthcheck"), within_s=SOON_S, what="Flower")
    wait_until(seen, within_s=SOON_S, what="Flower to see every worker")

    def shown() -> bool:
        text = httpx2.get(f"http://127.0.0.1:{exporter}/metrics", timeout=20).text
        return text.count("\ncelery_worker_up{") == 3 and 'celery_active_worker_count{queue_name="bulk"} 1.0' in text

    wait_until(lambda: responds(f"http://127.0.0.1:{exporter}/health"), within_s=SOON_S, what="celery-exporter")
    wait_until(shown, within_s=SOON_S, what="celery-exporter to see the workers")


def inspect(redis_of: Guarded) -> None:
    """Have the doctor look at it, whom the admin's user lets see all."""
    code = "from stack.doctor import *; print([f.verdict.name for f in (*check_ledger(S), *check_workers(S))])"
    code = f"from core.settings import Settings; S = Settings.read(); {code}"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env=redis_of.variables("admin"), capture_output=True, text=True, timeout=60
    )
    assert "WRONG" not in done.stdout, done.stderr
    assert done.stdout.count("OK") >= 4, done.stderr


MAY_NOT = {
    "gateway": [
        "FLUSHALL",
        "CONFIG GET *",
        "KEYS *",
        "SHUTDOWN",
        "MONITOR",
        "ACL LIST",
        "GET mine",
        "SAVE",
        "CLIENT LIST",
    ],
    "worker": ["FLUSHALL", "CONFIG GET *", "KEYS *", "SHUTDOWN", "MONITOR", "ACL LIST", "GET mine", "SAVE"],
    "flower": [
        "HGETALL sl:job:1",
        "ZRANGE sl:leases 0 -1",
        "RPOP interactive",
        "LPUSH bulk x",
        "SUBSCRIBE sl:ended",
        "KEYS *",
    ],
    "exporter": [
        "HGETALL sl:job:1",
        "GET sl:backlog",
        "RPOP interactive",
        "LPUSH bulk x",
        "SUBSCRIBE sl:ended",
        "KEYS *",
    ],
    "probe": ["INFO", "GET sl:backlog", "LLEN interactive", "SUBSCRIBE sl:ended", "EVAL return 0"],
}


@pytest.mark.parametrize(("role", "command"), [(role, command) for role in MAY_NOT for command in MAY_NOT[role]])
def test_a_role_is_refused_what_it_need_not_do(redis_of: Guarded, role: str, command: str) -> None:
    with redis_of.connect(role) as redis, pytest.raises(NoPermissionError):
        redis.execute_command(*command.split())
    assert {entry["username"] for entry in redis_of.refused()} == {role}


@pytest.mark.parametrize("role", ["gateway", "flower"])
def test_no_script_does_for_a_role_what_it_may_not_do_itself(redis_of: Guarded, role: str) -> None:
    with redis_of.connect(role) as redis, pytest.raises(RedisError, match=r"(?i)permission"):
        redis.eval("return redis.call('GET', 'mine')", 0)
    redis_of.refused()


@pytest.mark.parametrize(("role", "command"), [("exporter", "GET"), ("gateway", "GET"), ("gateway", "in a script")])
def test_a_refusal_is_told_to_the_operator(
    redis_of: Guarded, role: str, command: str, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_of.connect(role) as redis, pytest.raises(LedgerUnavailable), raising_ledger_errors():
        redis.get("mine") if command == "GET" else redis.eval("return redis.call('GET', 'mine')", 0)
    assert "Redis refuses the user of SCORELINE_REDIS_URL what this program needs" in caplog.text
    redis_of.refused()


@pytest.mark.parametrize("role", ["gateway", "worker"])
def test_who_compares_the_ledger_may_note_and_forget_what_was_lost(redis_of: Guarded, role: str) -> None:
    clock, settings = Clock(), Settings()
    kept_s = settings.result_ttl + settings.gone_ttl
    with redis_of.connect(role) as redis, redis_of.connect("admin") as admin:
        admin.flushall()
        checkpoints = Checkpoints(redis, settings, clock)
        found = checkpoints.compare(None, keeps=True)
        for moved_s, losses in ((1, 1), (kept_s, 1)):
            admin.flushall()
            clock.move(moved_s)
            found = checkpoints.compare(found)
            assert found
            assert len(found.losses) == losses
    assert redis_of.refused() == []


def test_nobody_without_a_name_or_with_a_wrong_password_is_let_in(redis_of: Guarded) -> None:
    with redis_of.connect("gateway") as redis:
        for login in (["any"], ["default", "any"], ["gateway", redis_of.passwords["worker"]]):
            with pytest.raises(AuthenticationError):
                redis.execute_command("AUTH", *login)
    redis_of.refused()
