"""A record that cannot be read is a problem of its own, and keeps no one else waiting."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx2
import pytest
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import LoneGateway
from core.ledger.protocol import Outcome
from core.ledger.redis.ledger import RedisLedger
from core.schema.patient import EXAMPLE
from core.schema.score import ScoreRow
from core.settings import Settings
from core.transport.message import Message

SOON_S = 10
COLUMN: ScoreRow = ([0.25], [0])  # type: ignore[assignment]  # what a model whose risk is a column once had written down


@pytest.fixture
def ledger(lone_gateway: LoneGateway) -> Iterator[RedisLedger]:
    """The ledger of the gateway, for the test to score by hand."""
    with Redis.from_url(lone_gateway.redis_url) as redis:
        yield RedisLedger(redis, Settings())


def submit(gateway: LoneGateway, pool: ThreadPoolExecutor, wait_s: int) -> "Future[httpx2.Response]":
    """Submit the example patient, and wait for its score."""
    prefer = {"Prefer": f"wait={wait_s}"}
    return pool.submit(httpx2.post, f"{gateway.url}/v1/jobs", json=EXAMPLE, headers=prefer, timeout=60)


def score(ledger: RedisLedger, row: ScoreRow) -> str:
    """Commit this for the one job that waits, and return its id."""
    [job] = wait_until(lambda: ledger.claim(Message(0, []), jobs=1), within_s=SOON_S, what="a job")
    ledger.finish([Outcome(job.id, scores=[row], model_version="1.0.0")])
    return job.id


def test_who_waits_for_it_is_sent_on_and_all_others_are_told_as_ever(
    lone_gateway: LoneGateway, ledger: RedisLedger
) -> None:
    with ThreadPoolExecutor(2) as pool:
        waiting = submit(lone_gateway, pool, wait_s=40)
        bad = score(ledger, COLUMN)
        assert waiting.result(SOON_S).status_code == 202
        for risk in (0.5, 0.75):
            waiting = submit(lone_gateway, pool, wait_s=40)
            score(ledger, (risk, 1))
            answer = waiting.result(SOON_S)
            assert answer.status_code == 200
            assert answer.json()["scores"][0]["risk"] == risk
    answer = httpx2.get(f"{lone_gateway.url}/v1/jobs/{bad}")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:scoreline:problem:unreadable-record")
    assert httpx2.get(f"{lone_gateway.url}/v1/jobs").status_code == 200
    assert httpx2.get(f"{lone_gateway.url}/health/live").status_code == 200
    log = (lone_gateway.folder / "api.log").read_text()
    assert f"the record of {bad} cannot be read: TypeError" in log
    assert "Traceback" not in log


def test_of_many_that_are_read_at_once_it_hides_no_other(ledger: RedisLedger, lone_gateway: LoneGateway) -> None:
    ids = [httpx2.post(f"{lone_gateway.url}/v1/jobs", json=EXAMPLE).raise_for_status().json()["id"] for _ in range(3)]
    for id in ids:
        [job] = ledger.claim(Message(0, []), jobs=1)
        ledger.finish([Outcome(job.id, scores=[COLUMN if id == ids[1] else (0.5, 1)], model_version="1.0.0")])
    assert set(ledger.answers(ids)) == {ids[0], ids[2]}
    listed = httpx2.get(f"{lone_gateway.url}/v1/jobs").json()["data"]
    assert {job["id"] for job in listed} == set(ids)  # a listing reads no scores
    assert "0.25" not in json.dumps(listed)
