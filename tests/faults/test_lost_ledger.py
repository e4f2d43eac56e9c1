"""A Redis that was emptied, or came back older, is seen by everyone, and what it lost is told from what never was."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import gateway, running, valkey
from core.ids import ms_of_id
from core.ledger.batch import BATCHES_FOLDER
from core.ledger.redis.checkpoint import BEHIND_S
from core.schema.patient import EXAMPLE
from core.settings import Settings
from core.storage.store import Store
from tests.faults.ruined import SEEN_WITHIN_S, Ruined, kind_of, made_at

LOST = [(410, "ledger-lost")] * 2
UNKNOWN = [(404, "unknown-job")] * 2
HOUR_MS = 3_600_000


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Ruined]:
    """A service whose Redis can be ruined, and in which nobody scores."""
    service = Ruined(tmp_path, scores=False)
    with service.open():
        yield service


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_a_new_installation_has_lost_nothing(service: Ruined) -> None:
    service.settle(service.submit())
    for ms in (now_ms(), now_ms() - 1_000 * HOUR_MS):
        assert service.ask(made_at(ms)) == UNKNOWN
    assert service.losses() == [0, 0]
    assert "ledger-lost" not in "".join(map(service.said, service.programs))


def test_what_an_emptied_redis_had_is_lost_and_stays_so_when_all_is_started_anew(tmp_path: Path) -> None:
    service = Ruined(tmp_path)
    with service.open():
        job, batch = service.submit(), service.upload()
        service.settle(batch)
        service.redis.flushall()
        for path in (job, f"{job}/events", batch, f"{batch}/results", f"{batch}/errors", f"{batch}/events"):
            assert service.ask(path) == LOST
        seen_ms = now_ms()
        assert (
            service.gateways[0].delete(job).status_code == service.gateways[1].post(f"{job}/cancel").status_code == 410
        )
        for program in service.programs:
            said = "Redis was emptied: of the jobs and batches"
            wait_until(lambda: said in service.said(program), within_s=SEEN_WITHIN_S, what=f"{program} to see it")  # noqa: B023
            assert service.said(program).count(said) == 1
        later = service.submit()
        assert service.ask(later) == [(200, "")] * 2
        assert service.gateways[0].delete(later).status_code == 204
        assert service.ask(later) == service.ask(made_at(seen_ms + 5_000)) == UNKNOWN
        first_loss = service.losses()
        assert first_loss[0] == first_loss[1] == pytest.approx(seen_ms / 1000, abs=SEEN_WITHIN_S)
        service.settle(service.submit())
    service = Ruined(tmp_path, scores=False)
    with service.open():
        assert service.ask(job) == service.ask(batch) == LOST
        assert service.ask(later) == UNKNOWN
        service.redis.flushall()
        assert service.ask(later) == service.ask(job) == LOST
        wait_until(lambda: len(service.mirrored().losses) == 2, within_s=SEEN_WITHIN_S, what="both losses to be kept")
    (tmp_path / "valkey").rename(tmp_path / "gone")  # with Redis's disk, and before anyone could look
    with service.open():
        assert service.ask(later) == service.ask(job) == LOST
        assert len(service.mirrored().losses) == 3


def test_what_was_accepted_after_the_copy_that_came_back_is_lost_and_no_more(service: Ruined) -> None:
    kept = service.submit()
    service.settle(kept)
    service.copy_redis("older")
    job, batch = service.submit(), service.upload()
    service.settle(batch)
    service.set_back_redis("older")
    wait_until(lambda: service.ask(job) == LOST, within_s=SEEN_WITHIN_S, what="the loss to be seen")
    assert service.ask(f"{batch}/results") == LOST
    assert service.ask(kept) == [(200, "")] * 2
    made_ms = ms_of_id(kept.rpartition("/")[2])
    longest_ms = int(1000 * (BEHIND_S + Settings().upload_idle_s)) + SEEN_WITHIN_S * 1000
    assert service.ask(made_at(made_ms - longest_ms)) == UNKNOWN
    for program in service.programs:
        said = "Redis is older than it was: of the jobs and batches"
        wait_until(lambda: said in service.said(program), within_s=SEEN_WITHIN_S, what=f"{program} to see it")  # noqa: B023
    assert service.ask(service.submit()) == [(200, "")] * 2
    assert service.ask(made_at(now_ms() + 5_000)) == UNKNOWN


def test_another_redis_than_the_one_before_is_said_and_served(tmp_path: Path) -> None:
    service = Ruined(tmp_path, scores=False)
    with service.open():
        job = service.submit()
        service.settle(job)
    (tmp_path / "store").rename(tmp_path / "other-store")
    (tmp_path / "valkey").rename(tmp_path / "former")
    with service.open():
        service.settle(service.submit())
    (tmp_path / "store").rename(tmp_path / "its-store")
    (tmp_path / "other-store").rename(tmp_path / "store")
    with service.open():
        assert "Redis holds another ledger than before" in service.said("sweep")
        assert service.ask(job) == LOST
        assert service.ask(service.submit()) == [(200, "")] * 2
        wait_until(lambda: len(service.mirrored().losses) == 1, within_s=SEEN_WITHIN_S, what="it to be noted once")


def test_who_follows_a_job_that_is_lost_waits_no_longer(tmp_path: Path) -> None:
    with valkey(tmp_path / "valkey") as redis_url:
        variables = {"SCORELINE_REDIS_URL": redis_url}
        sweep = running("worker", "sweep", log=tmp_path / "sweep.log", **variables)
        with sweep, gateway(tmp_path, **variables) as url, httpx2.Client(base_url=url, timeout=SEEN_WITHIN_S) as client:
            job = client.post("/v1/jobs", json=EXAMPLE).headers["Location"]
            with client.stream("GET", f"{job}/events") as events:
                lines = events.iter_lines()
                assert next(lines) == "event: state"
                Redis.from_url(redis_url).flushall()
                assert "event: end" not in list(lines)
            assert kind_of(client.get(f"{job}/events")) == LOST[0]


def test_the_files_of_a_lost_ledger_do_not_stay(tmp_path: Path) -> None:
    service = Ruined(tmp_path, scores=False, SCORELINE_RESULT_TTL="1", SCORELINE_GONE_TTL="1")
    store = Store.open(Settings(store=f"file://{tmp_path}/store"))
    with service.open():
        service.upload()
        service.redis.flushall()
        assert store.names(BATCHES_FOLDER)
    with service.open():
        wait_until(lambda: not store.names(BATCHES_FOLDER), within_s=SEEN_WITHIN_S, what="the files to be deleted")
