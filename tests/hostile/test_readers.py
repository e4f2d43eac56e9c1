"""Who reads nothing of what was asked for costs the gateway little, and holds up nobody; one key no other key."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from bench.local.conditions import wait_until
from bench.local.keyed import Keyed
from core.schema.patient import EXAMPLE
from tests.hostile.readers import Scene, asking, reading, scene, status_of

CLIENTS = 100
GROWTH_BYTES = 50_000_000
LIVE_S = 0.1
READERS = 20
SLOWED_BY = 10  # on a machine that has nothing else to do, 3
STREAMS, CONNECTIONS = 4, 20  # of which a key has half


@pytest.fixture(scope="module")
def open_scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A service that asks for no keys."""
    with scene(tmp_path_factory.mktemp("open")) as found:
        yield found


@pytest.fixture(scope="module")
def keyed_scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, list[dict[str, str]]]]:
    """A service with room for two large answers, one for each key, and the headers of two keys."""
    folder = tmp_path_factory.mktemp("keyed")
    variables = {
        "SCORELINE_API_KEYS": "required",
        "SCORELINE_ANSWERS_LIMIT_BYTES": "5000000",
        "SCORELINE_EVENT_STREAMS_LIMIT": str(STREAMS),
        "SCORELINE_CONNECTIONS_LIMIT": str(CONNECTIONS),
    }
    with scene(folder, **variables) as found:
        keyed = Keyed(found.url, found.redis_url, folder)
        yield found, [{"Authorization": f"Bearer {keyed.make_key()}"} for _ in range(2)]


@pytest.mark.parametrize("below", ["", "/events"])
def test_a_hundred_who_read_nothing_of_a_large_answer_cost_little_and_hold_up_nobody(
    open_scene: Scene, below: str
) -> None:
    path, before = open_scene.score_many(), open_scene.memory_bytes()
    with asking(open_scene.url, path + below, clients=CLIENTS) as lines:
        assert open_scene.median_live_s() <= LIVE_S
        waiting = httpx2.post(f"{open_scene.url}/v1/jobs", json=EXAMPLE, headers={"Prefer": "wait=20"}, timeout=30)
        assert waiting.status_code == 200
        statuses = [status_of(line) for line in lines]
        assert open_scene.memory_bytes() - before <= GROWTH_BYTES
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    if below:  # a stream waits for its turn to tell the result
        assert set(statuses) == {200}
    else:
        wait_until(
            lambda: httpx2.get(open_scene.url + path, timeout=30).status_code == 200, within_s=30, what="room again"
        )


def test_who_reads_large_answers_one_after_the_other_hardly_holds_up_whoever_waits(
    open_scene: Scene, tmp_path: Path
) -> None:
    path = open_scene.score_many()
    alone_s = open_scene.median_wait_s()
    with reading(open_scene.url + path, READERS, tmp_path / "statuses") as statuses:
        wait_until(lambda: len(statuses()) >= READERS, within_s=60, what="the readers to be at it")
        beside_s = open_scene.median_wait_s()
        assert set(statuses()) == {"200"}
    assert beside_s <= SLOWED_BY * alone_s, f"{1_000 * alone_s:.0f} ms became {1_000 * beside_s:.0f} ms"


def test_one_connection_that_reads_nothing_adds_little_to_what_its_answer_is_made_of(open_scene: Scene) -> None:
    path = open_scene.score_many()
    with asking(open_scene.url, path) as [first]:
        assert status_of(first) == 200
        before = open_scene.memory_bytes()
        with asking(open_scene.url, path) as [line]:
            assert status_of(line) == 200
            assert open_scene.memory_bytes() - before <= 5_000_000


def test_a_key_that_reads_nothing_is_told_so_and_another_reads_all(
    keyed_scene: tuple[Scene, list[dict[str, str]]],
) -> None:
    found, [mine, other] = keyed_scene
    paths = [found.score_many(headers) for headers in (mine, other)]
    with asking(found.url, paths[0], mine) as [line]:
        assert status_of(line) == 200
        refused = httpx2.get(found.url + paths[0], headers=mine, timeout=30)
        assert (refused.status_code, refused.json()["type"]) == (429, "urn:scoreline:problem:quota-exceeded")
        assert refused.json()["detail"].startswith("This key holds as many unsent answers as one key may")
        assert refused.headers["retry-after"] == "1"
        small = httpx2.post(f"{found.url}/v1/jobs", json=EXAMPLE, headers=mine | {"Prefer": "wait=20"}, timeout=30)
        assert small.status_code == 200
        assert len(httpx2.get(found.url + paths[1], headers=other, timeout=30).json()["scores"]) == 10_000


def test_a_large_job_that_was_waited_for_is_told_as_running_while_the_key_reads_nothing(
    keyed_scene: tuple[Scene, list[dict[str, str]]],
) -> None:
    found, [mine, _] = keyed_scene
    with asking(found.url, found.score_many(mine), mine) as [line]:
        assert status_of(line) == 200
        body = {"patients": [EXAMPLE] * 10_000}
        headers = mine | {"Prefer": "wait=20"}
        waited = httpx2.post(f"{found.url}/v1/jobs?explain=true", json=body, headers=headers, timeout=60)
    assert (waited.status_code, waited.json()["state"], waited.json()["scores"]) == (202, "running", None)
    url = found.url + waited.headers["location"]
    wait_until(lambda: httpx2.get(url, headers=mine, timeout=30).status_code == 200, within_s=30, what="room again")


def test_each_key_has_its_share_of_event_streams(keyed_scene: tuple[Scene, list[dict[str, str]]]) -> None:
    found, [mine, other] = keyed_scene
    path = found.score_many(mine)
    with ExitStack() as stack:
        lines = stack.enter_context(asking(found.url, f"{path}/events", mine, STREAMS // 2))
        assert [status_of(line) for line in lines] == [200] * len(lines)
        refused = httpx2.get(f"{found.url}{path}/events", headers=mine, timeout=30)
        assert (refused.status_code, refused.json()["type"]) == (429, "urn:scoreline:problem:quota-exceeded")
        assert "event streams" in refused.json()["detail"]
        theirs = httpx2.post(f"{found.url}/v1/jobs", json=EXAMPLE, headers=other, timeout=30).headers["location"]
        with httpx2.stream("GET", f"{found.url}{theirs}/events", headers=other, timeout=30) as answer:
            assert answer.status_code == 200


def test_each_key_has_its_share_of_connections(keyed_scene: tuple[Scene, list[dict[str, str]]]) -> None:
    found, [mine, other] = keyed_scene
    with asking(found.url, "/v1/jobs?limit=1", mine, CONNECTIONS // 2) as lines:
        assert [status_of(line) for line in lines] == [200] * len(lines)
        refused = httpx2.get(f"{found.url}/v1/jobs", headers=mine, timeout=30)
        assert (refused.status_code, refused.json()["type"]) == (429, "urn:scoreline:problem:quota-exceeded")
        assert "connections" in refused.json()["detail"]
        assert httpx2.get(f"{found.url}/v1/jobs", headers=other, timeout=30).status_code == 200
    wait_until(
        lambda: httpx2.get(f"{found.url}/v1/jobs", headers=mine, timeout=30).status_code == 200,
        within_s=30,
        what="the others to be closed",
    )
