"""Whoever waits is told, whatever else the gateway hears or reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import LoneGateway
from core.ledger.redis.keys import JOBS, PARTS
from core.schema.patient import EXAMPLE

NONSENSE = [b"\xff\xfe", b"\0", b"not an id", b"x" * 100_000]


@contextmanager
def following(url: str) -> Iterator[Iterator[str]]:
    """Follow the events of a job; the first has been told."""
    with httpx2.stream("GET", f"{url}/events", timeout=30) as answer:
        lines = answer.iter_lines()
        assert "state" in next(lines)
        yield lines


def waited(url: str) -> httpx2.Response:
    """Return the answer to a submit that waits."""
    return httpx2.post(f"{url}/v1/jobs", json=EXAMPLE, headers={"Prefer": "wait=20"}, timeout=30)


@pytest.mark.parametrize("channel", [JOBS.begun, JOBS.ended, PARTS.begun, PARTS.ended, JOBS.answers])
def test_a_message_that_is_none_ends_no_wait(lone_gateway: LoneGateway, channel: str) -> None:
    log = lone_gateway.folder / "api.log"
    before = log.read_text().count("cannot be read")
    with Redis.from_url(lone_gateway.redis_url) as redis, lone_gateway.running("run"):
        if channel == JOBS.answers:
            (named,) = {name.decode() for name in redis.pubsub_channels(f"{JOBS.answers}*")}
            channel = named
        for message in NONSENSE:
            redis.publish(channel, message)
        assert waited(lone_gateway.url).status_code == 200
    wait_until(lambda: log.read_text().count("cannot be read") > before, within_s=10, what="a line of the log")
    assert httpx2.get(f"{lone_gateway.url}/health/live").json() == {"status": "live"}


def test_a_record_that_cannot_be_read_ends_no_wait_but_its_own(lone_gateway: LoneGateway) -> None:
    url = lone_gateway.url
    broken = url + httpx2.post(f"{url}/v1/jobs", json=EXAMPLE).headers["location"]
    with Redis.from_url(lone_gateway.redis_url) as redis, following(broken) as rest:
        redis.hset(JOBS.job + broken.rpartition("/")[2], "state", "no state")
        redis.publish(JOBS.ended, broken.rpartition("/")[2])
        assert not [line for line in rest if line.startswith("event: ")]  # it is over
        with lone_gateway.running("run"):
            assert waited(url).status_code == 200


def test_what_is_wrong_is_in_the_log_without_its_text(lone_gateway: LoneGateway) -> None:
    log: Path = lone_gateway.folder / "api.log"
    with Redis.from_url(lone_gateway.redis_url) as redis:
        redis.publish(JOBS.ended, b"\xff 63")
    wait_until(lambda: "cannot be read: UnicodeDecodeError" in log.read_text(), within_s=10, what="a line of the log")
    assert "xff 63" not in log.read_text()
