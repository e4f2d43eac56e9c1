"""What the gateway does with more than it can take, and with the same thing twice at once."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2

from bench.local.conditions import wait_until
from bench.local.programs import ROOT, LoneGateway, gateway, running, valkey
from core.schema.patient import EXAMPLE

LIMIT = 3
LIMITED = {"SCORELINE_BACKLOG_LIMIT": str(LIMIT), "SCORELINE_PATIENTS_LIMIT": str(LIMIT)}


def test_above_the_backlog_limit_a_submit_is_429_until_there_is_room_and_a_producer_waits_for_it(
    tmp_path: Path,
) -> None:
    with valkey(tmp_path / "valkey") as redis_url, gateway(tmp_path, SCORELINE_REDIS_URL=redis_url, **LIMITED) as url:
        answers = [httpx2.post(f"{url}/v1/jobs", json=EXAMPLE) for _ in range(LIMIT + 2)]
        assert [answer.status_code for answer in answers] == [202] * LIMIT + [429] * 2
        full = answers[-1]
        assert full.json()["type"] == "urn:scoreline:problem:backlogged"
        assert 1 <= int(full.headers["retry-after"]) <= 60
        with running("worker", "run", log=tmp_path / "worker.log", SCORELINE_REDIS_URL=redis_url):

            def taken() -> bool:
                return httpx2.post(f"{url}/v1/jobs", json=EXAMPLE).status_code == 202

            wait_until(taken, within_s=30, what="room for another job")
            command = [sys.executable, "-m", "producer", "--url", url, "--rate", "200", "--count", "40", "--seed", "1"]
            done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "40 sent, 40 succeeded, 0 waiting" in done.stdout + done.stderr


def test_the_same_key_twice_at_once_makes_one_job(client: httpx2.Client) -> None:
    async def submit(key: str) -> list[httpx2.Response]:
        headers = {"Idempotency-Key": f'"{key}"'}
        async with httpx2.AsyncClient(base_url=client.base_url) as many:
            return await asyncio.gather(*(many.post("/v1/jobs", json=EXAMPLE, headers=headers) for _ in range(20)))

    for number in range(10):
        answers = asyncio.run(submit(f"twice-{number}"))
        assert {answer.status_code for answer in answers} <= {202, 409}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
        for busy in (answer for answer in answers if answer.status_code == 409):
            assert busy.json()["type"] == "urn:scoreline:problem:idempotency-key-in-use"
            assert re.fullmatch(r"[1-9]\d*", busy.headers["retry-after"])


def test_a_job_past_its_deadline_expires_where_no_worker_runs(lone_gateway: LoneGateway) -> None:
    url = lone_gateway.url
    with lone_gateway.running("sweep"):
        job = httpx2.post(f"{url}/v1/jobs", json=EXAMPLE, headers={"Cancel-After": "1s"}).headers["location"]
        wait_until(lambda: httpx2.get(url + job).json()["state"] == "expired", within_s=20, what="the job to expire")


def test_a_queued_job_is_canceled_at_once_and_never_scored(lone_gateway: LoneGateway) -> None:
    url = lone_gateway.url
    canceled, other = (httpx2.post(f"{url}/v1/jobs", json=EXAMPLE).headers["location"] for _ in range(2))
    assert httpx2.post(f"{url}{canceled}/cancel").json()["state"] == "canceled"
    with lone_gateway.running("run"):
        wait_until(lambda: httpx2.get(url + other).json()["state"] == "succeeded", within_s=30, what="the other job")
    job = httpx2.get(url + canceled).json()
    assert (job["state"], job["scores"], job["started_at"]) == ("canceled", None, None)
