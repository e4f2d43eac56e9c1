"""What the gateway does while Redis is away, and what no room accepts of a Redis."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from redis import Redis

from api.pages.patient_form import make_example
from bench.local.programs import ROOT, LoneGateway, free_port, gateway, start_valkey, stop, valkey
from core.schema.patient import EXAMPLE


def test_while_redis_is_away_a_submit_is_refused_and_nothing_half_written(tmp_path: Path) -> None:
    port = free_port()
    with gateway(tmp_path, SCORELINE_REDIS_URL=f"redis://127.0.0.1:{port}/0") as url:
        job = "/v1/jobs/01a20707-a656-735e-87cb-2feb51005d0d"
        calls = [("POST", "/v1/jobs"), ("POST", "/api/prediction"), ("GET", job), ("GET", "/health/ready")]
        for method, path in calls:
            answer = httpx2.request(method, url + path, json=EXAMPLE if method == "POST" else None, timeout=30)
            assert answer.status_code == 503
            assert answer.json()["type"] == "urn:scoreline:problem:ledger-unavailable"
            assert int(answer.headers["retry-after"]) >= 1
        assert httpx2.get(f"{url}/health/live").status_code == 200
        page = httpx2.post(f"{url}/", data=dict(make_example()), timeout=30)
        assert page.status_code == 503
        assert "The ledger does not answer" in page.text
        assert f'value="{make_example()["trestbps"]}"' in page.text
        assert "Redis does not answer." in httpx2.get(f"{url}/system", timeout=30).text
        server = start_valkey(tmp_path / "valkey", port)
        try:
            with Redis(port=port) as redis:
                assert redis.dbsize() == 0
                assert httpx2.post(f"{url}/v1/jobs", json=EXAMPLE, timeout=30).status_code == 202
                assert redis.zcard("sl:index:queued") == 1
        finally:
            stop(server)


def test_a_service_without_workers_is_not_ready(lone_gateway: LoneGateway) -> None:
    answer = httpx2.get(f"{lone_gateway.url}/health/ready")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:scoreline:problem:not-ready")


@pytest.mark.parametrize("room", [["api"], ["worker", "run"], ["worker", "sweep"]])
def test_a_redis_that_evicts_is_refused_with_a_sentence(tmp_path: Path, room: list[str]) -> None:
    with valkey(tmp_path / "valkey", "--maxmemory-policy", "allkeys-lru") as redis_url:
        said = run(room, SCORELINE_REDIS_URL=redis_url)
    assert said == (
        "scoreline: Redis evicts keys when its memory is full (maxmemory-policy allkeys-lru), so it would lose "
        "accepted jobs: set maxmemory-policy to noeviction, then start again.\n"
    )


@pytest.mark.parametrize("room", [["api"], ["worker", "sweep"]])
def test_a_redis_cluster_is_refused_with_a_sentence(tmp_path: Path, room: list[str]) -> None:
    with valkey(tmp_path / "valkey", "--cluster-enabled", "yes") as redis_url:
        said = run(room, SCORELINE_REDIS_URL=redis_url)
    assert said == (
        "scoreline: Redis runs as a cluster, over which neither the ledger nor Celery's queue can be spread: name a "
        "Redis that runs alone (cluster-enabled no), or one behind Sentinel, then start again.\n"
    )


def test_a_taken_port_is_one_sentence(redis_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run(["api"], SCORELINE_REDIS_URL=redis_url, SCORELINE_API_PORT=str(port))
    assert said.startswith(f"scoreline: cannot listen on 127.0.0.1:{port} ")
    assert said.endswith("set SCORELINE_API_PORT to a free port.\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SCORELINE_API_PORT", "70000", "SCORELINE_API_PORT: "),
        ("SCORELINE_LEASE_S", "1", "SCORELINE_TASK_LIMIT_S < SCORELINE_LEASE_S"),
    ],
)
def test_a_setting_that_cannot_be_is_named_and_not_repeated(name: str, value: str, said: str) -> None:
    told = run(["api"], **{name: value})
    assert said in told
    assert "70000" not in told
    assert told.count("\n") == 1


def test_in_json_that_sentence_is_an_object_as_each_line_of_the_log_is() -> None:
    told = json.loads(run(["worker", "sweep"], SCORELINE_LOG_FORMAT="json", SCORELINE_API_PORT="70000"))
    assert (told["level"], told["logger"]) == ("CRITICAL", "scoreline")
    assert "SCORELINE_API_PORT: " in told["message"]


def run(room: list[str], **variables: str) -> str:
    """Run a room that is to refuse to start, and return what it said last."""
    done = subprocess.run(
        [sys.executable, "-m", *room], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    return done.stderr


def test_a_redis_that_does_not_write_to_disk_is_warned_of(tmp_path: Path) -> None:
    with valkey(tmp_path / "valkey", "--appendonly", "no") as url, gateway(tmp_path, SCORELINE_REDIS_URL=url):
        said = (tmp_path / "api.log").read_text()
    assert "set appendonly to yes and appendfsync to always" in said
