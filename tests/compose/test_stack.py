"""The stack does its main job, is watched, and is closed to whoever has no business with it."""

import json
import subprocess
import sys

import httpx2
import pytest

from bench.local.conditions import wait_until
from bench.local.programs import ROOT
from core.schema.patient import EXAMPLE
from tests.compose.stack import LOGIN, SHOWN, Stack, engine, say

pytestmark = pytest.mark.compose

ROWS = 100_000
SCORED_WITHIN_S = 60
WATCHED_WITHIN_S = 120
TARGETS = {"api": 1, "worker": 3, "bulk": 2, "sweep": 1, "notify": 1, "celery-exporter": 1, "prometheus": 1}
OURS = ["api", "worker", "worker-bulk", "sweep", "notify", "producer", "flower", "mlflow"]
PARQUET_MB = 34
"""What arro3 weighs, which writes results as Parquet; nothing smaller does."""

# Installed: name and megabytes of each package, as its wheel has it, so without bytecode.
WEIGH = """
import importlib.metadata, json
print(json.dumps({
    of.metadata["Name"].lower(): sum(
        path.size or 0 for path in of.files or () if path.suffix != ".pyc"
    ) / 1e6 for of in importlib.metadata.distributions(path=[__import__("sysconfig").get_path("purelib")])
}))
"""


def test_a_patient_is_submitted_and_polled(stack: Stack) -> None:
    with httpx2.Client(base_url=stack.url, headers=SHOWN, timeout=30) as client:
        answer = client.post("/v1/jobs", json=EXAMPLE)
        assert answer.status_code == 202

        def read() -> dict[str, object] | None:
            job: dict[str, object] = client.get(answer.headers["Location"]).json()
            return job if job["state"] == "succeeded" else None

        job = wait_until(read, within_s=SCORED_WITHIN_S, what="the job to succeed")
    say(f"a patient was scored: {job['scores']}")


def test_a_csv_of_100_000_rows_is_scored(stack: Stack) -> None:
    # Patients like those that the model learned from: any others would rightly have it say that they drift.
    write = [sys.executable, "-m", "producer", "file", "--rows", str(ROWS), "--seed", "1"]
    sent = subprocess.run(write, cwd=ROOT, capture_output=True, check=True).stdout
    with httpx2.Client(base_url=stack.url, headers=SHOWN, timeout=60) as client:
        answer = client.post("/v1/batches", content=sent, headers={"Content-Type": "text/csv"})
        assert answer.status_code == 202
        place = answer.headers["Location"]
        wait_until(
            lambda: client.get(place).json()["state"] == "succeeded", within_s=SCORED_WITHIN_S, what="the file's end"
        )
        results = client.get(f"{place}/results").content
    rows = list(zip(sent.splitlines(), results.splitlines(), strict=True))
    assert len(rows) == 1 + ROWS
    assert all(result.startswith(row + b",") for row, result in rows)
    say(f"{ROWS} rows were scored")


def test_prometheus_sees_every_target_up_and_every_alert_silent(stack: Stack) -> None:
    say("waiting for Prometheus to see every container, and for every alert to be silent")

    def all_up() -> bool:
        targets = stack.ask_prometheus("targets?state=active")["activeTargets"]
        up = [target["labels"]["job"] for target in targets if target["health"] == "up"]
        return len(up) == len(targets) and {job: up.count(job) for job in TARGETS} == TARGETS

    wait_until(all_up, within_s=WATCHED_WITHIN_S, what="every target to be up")

    def alerts() -> dict[str, str]:
        groups = stack.ask_prometheus("rules?type=alert")["groups"]
        return {rule["name"]: rule["state"] for group in groups for rule in group["rules"] if rule["health"] == "ok"}

    states = wait_until(alerts, within_s=WATCHED_WITHIN_S, what="the alerts to be looked at")
    pending = [name for name, state in states.items() if state == "pending"]
    say(f"{sum(TARGETS.values())} targets are up, {len(states)} alerts are looked at, pending: {pending or 'none'}")
    assert "firing" not in states.values(), states


def test_flower_lets_in_who_has_its_credentials_and_no_one_else(stack: Stack) -> None:
    place = f"http://127.0.0.1:{stack.flower_port}/api/workers"
    assert httpx2.get(place).status_code == 401
    assert httpx2.get(place, auth=LOGIN).status_code == 200


def test_redis_answers_nobody_without_its_password(stack: Stack) -> None:
    assert "NOAUTH" in stack.run_in("redis", "redis-cli", "ping")


def test_no_role_is_refused_what_it_does_in_redis(stack: Stack) -> None:
    ask = 'REDISCLI_AUTH="$REDIS_ADMIN_PASSWORD" redis-cli --user admin --no-auth-warning acl log'
    refused = stack.run_in("redis", "sh", "-c", ask)
    assert "username" not in refused, refused


def test_only_what_a_person_uses_is_published_and_on_loopback_only(stack: Stack) -> None:
    published: dict[str, set[str]] = {}
    for service in stack.services():
        for container in stack.containers(service):
            ports = json.loads(engine("inspect", "--format={{json .NetworkSettings.Ports}}", container))
            published |= {service: {door["HostIp"] for doors in ports.values() for door in doors or ()}}
    assert {service for service, hosts in published.items() if hosts} - {"grafana"} == {"api", "flower", "mlflow"}
    assert set().union(*published.values()) == {"127.0.0.1"}


@pytest.mark.parametrize("service", OURS)
def test_a_container_of_ours_is_nobody_special_and_cannot_change_itself(stack: Stack, service: str) -> None:
    told = stack.run_in(service, "sh", "-c", "id -u; touch /srv/scoreline/x 2>&1; grep CapEff /proc/self/status")
    assert told.splitlines()[0] == "10001"
    assert "Read-only file system" in told
    assert told.split()[-1] == "0" * 16


def test_a_program_that_is_killed_is_started_again(stack: Stack) -> None:
    (container,) = stack.containers("sweep")
    engine("exec", "--detach", container, "python", "-c", "import os; os.kill(-1, 9)")
    state = "--format={{.RestartCount}} {{.State.Health.Status}}"
    wait_until(
        lambda: engine("inspect", state, container).split() == ["1", "healthy"],
        within_s=60,
        what="the sweep to be back",
    )


@pytest.mark.parametrize(("service", "most_mb"), [("api", 62 + PARQUET_MB), ("worker", 180), ("producer", 50)])
def test_an_image_has_what_its_room_needs_and_no_more(stack: Stack, service: str, most_mb: int) -> None:
    weights: dict[str, float] = json.loads(stack.run_in(service, "python", "-c", WEIGH))
    say(f"{service}: {sum(weights.values()):.0f} MB of packages")
    assert sum(weights.values()) <= most_mb
    assert not weights.keys() & {"scikit-learn", "pandas", "mlflow", "mlflow-skinny", "scipy", "onnx"}
    assert ("onnxruntime" in weights) == (service == "worker")
