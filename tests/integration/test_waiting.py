"""Answers the moment they exist: `Prefer: wait`, over one subscription for the whole gateway."""

import asyncio

import httpx2
import pytest
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import LoneGateway
from core.schema.patient import EXAMPLE


def test_a_submit_that_waits_is_answered_with_the_result(client: httpx2.Client) -> None:
    answer = client.post("/v1/jobs", json=EXAMPLE, headers={"Prefer": "respond-async, wait=10"})
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=10")
    assert answer.json()["state"] == "succeeded"
    assert answer.json() == client.get(answer.headers["location"]).json()


def test_a_wait_is_cut_to_the_limit_and_nonsense_is_passed_over(client: httpx2.Client) -> None:
    longest = client.post("/v1/jobs", json=EXAMPLE, headers={"Prefer": "wait=99999"})
    assert longest.headers["preference-applied"] == "wait=60"
    for nonsense in ("wait", "wait=-1", "wait=soon", "handling=lenient"):
        answer = client.post("/v1/jobs", json=EXAMPLE, headers={"Prefer": nonsense})
        assert answer.status_code == 202
        assert "preference-applied" not in answer.headers


def test_a_repeat_waits_for_the_job_of_the_first(client: httpx2.Client) -> None:
    headers = {"Idempotency-Key": '"waits"', "Prefer": "wait=10"}
    answers = [client.post("/v1/jobs", json=EXAMPLE, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


def test_a_wait_that_is_too_short_is_answered_202_with_the_job(lone_gateway: LoneGateway) -> None:
    answer = httpx2.post(f"{lone_gateway.url}/v1/jobs", json=EXAMPLE, headers={"Prefer": "wait=0"})
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize(("waiters", "cut"), [(500, False), (100, True)])
def test_many_wait_at_once_and_all_are_answered(lone_gateway: LoneGateway, waiters: int, cut: bool) -> None:
    async def wait_all(redis: Redis) -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(base_url=lone_gateway.url, limits=limits, timeout=60) as many:
            submits = [many.post("/v1/jobs", json=EXAMPLE, headers={"Prefer": "wait=50"}) for _ in range(waiters)]
            tasks = [asyncio.create_task(submit) for submit in submits]
            await asyncio.to_thread(
                wait_until,
                lambda: redis.zcard("sl:index:queued") >= waiters,
                within_s=30,
                what="all jobs to be written down",
            )
            if cut:  # the subscription is lost, and with it any notice until it is there again
                redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            with lone_gateway.running("run"):
                return await asyncio.gather(*tasks)

    with Redis.from_url(lone_gateway.redis_url) as redis:
        answers = asyncio.run(wait_all(redis))
    assert [answer.status_code for answer in answers] == [200] * waiters
    assert {answer.json()["state"] for answer in answers} == {"succeeded"}
