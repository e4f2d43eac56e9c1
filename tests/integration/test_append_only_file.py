"""The append-only file is written anew in time, by one of several sweeps, and by none too often."""

import logging
import resource
from pathlib import Path

import pytest
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import valkey
from core.ledger.redis.keys import REWRITTEN
from core.settings import Settings
from tests.guarded import guarded
from worker.reaper.append_only_file import AGAIN_IN_S, AppendOnlyFile

SOON_S = 20
WITHIN_S = 3_600
ROOM_BYTES = 1_000_000


def sweeping(redis: Redis, within_s: int = WITHIN_S) -> AppendOnlyFile:
    """Return what a sweep that has just started has."""
    return AppendOnlyFile(redis, Settings(rewrite_within_s=within_s))


def rewrites(redis: Redis) -> int:
    """Return how often the file was written anew, once none is under way."""
    wait_until(lambda: not redis.info("persistence")["aof_rewrite_in_progress"], within_s=SOON_S, what="the rewrite")
    return int(redis.info("stats").get("aof_rewrites") or redis.info("persistence")["aof_rewrites"])


def test_of_several_sweeps_one_has_it_written_and_a_restart_has_it_written_no_sooner(redis: Redis) -> None:
    before = rewrites(redis)
    for _ in range(3):
        for file in (sweeping(redis), sweeping(redis)):
            file.rewrite_when_due()
            file.check()
    assert rewrites(redis) == before + 1
    assert WITHIN_S - SOON_S < redis.ttl(REWRITTEN) <= WITHIN_S
    redis.delete(REWRITTEN)  # as it is once its time is over
    sweeping(redis).rewrite_when_due()
    assert rewrites(redis) == before + 2


def test_an_operator_may_keep_it_to_himself(redis: Redis) -> None:
    before = rewrites(redis)
    sweeping(redis, within_s=0).rewrite_when_due()
    assert rewrites(redis) == before
    assert not redis.exists(REWRITTEN)


def test_a_redis_whose_memory_is_full_forgets_on_its_disk_all_the_same(redis: Redis) -> None:
    before = rewrites(redis)
    redis.config_set("maxmemory", 1)
    try:
        sweeping(redis).rewrite_when_due()
    finally:
        redis.config_set("maxmemory", 0)
    assert rewrites(redis) == before + 1


def test_a_rewrite_that_fails_is_told_of_and_tried_again_soon(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with valkey(tmp_path / "valkey") as url, Redis.from_url(url) as redis:
        redis.config_set("rdbcompression", "no")
        redis.setrange("large", 5 * ROOM_BYTES, b"x")  # a few bytes of the file, until it is written anew
        resource.prlimit(redis.info("server")["process_id"], resource.RLIMIT_FSIZE, (ROOM_BYTES, ROOM_BYTES))
        file = sweeping(redis)
        file.rewrite_when_due()
        wait_until(
            lambda: redis.info("persistence")["aof_last_bgrewrite_status"] != "ok", within_s=SOON_S, what="the failure"
        )
        with caplog.at_level(logging.WARNING):
            file.check()
            file.check()
        assert caplog.text.count("did not write its append-only file anew") == 1
        assert 0 < redis.ttl(REWRITTEN) <= AGAIN_IN_S


def test_a_redis_that_forbids_it_costs_a_warning_that_says_what_to_do(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    with guarded(tmp_path_factory.mktemp("forbidding")) as found, found.connect("admin") as admin:
        admin.execute_command("ACL", "SETUSER", "worker", "-bgrewriteaof")
        with found.connect("worker") as redis, caplog.at_level(logging.WARNING):
            sweeping(redis).rewrite_when_due()
    assert "set SCORELINE_REWRITE_WITHIN_S to 0" in caplog.text
