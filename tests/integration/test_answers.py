"""What is answered about a job is the same bytes by every way, whoever makes them and however many there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from threading import Event, Thread

import httpx2
import pytest
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import service
from core.ledger.answer import READY_SCORES
from core.ledger.job import Job
from core.ledger.redis.keys import JOBS
from core.schema.patient import EXAMPLE

WAITS = {"Prefer": "wait=30"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A whole service."""
    with service(tmp_path_factory.mktemp("service"), SCORELINE_WORKER_PROCESSES="1") as found:
        yield found


def submit(url: str, patients: int, explain: bool, headers: dict[str, str] | None = None) -> httpx2.Response:
    """Submit that many patients as one job."""
    params, body = {"explain": str(explain).lower()}, {"patients": [EXAMPLE] * patients}
    return httpx2.post(f"{url}/v1/jobs", json=body, params=params, headers=headers, timeout=60)


def result_of(url: str, job: str) -> bytes:
    """Return the data of the event that tells the result, once the stream has ended."""
    text = httpx2.get(f"{url}{job}/events", timeout=60).content
    (event,) = (event for event in text.split(b"\n\n") if event.startswith(b"event: result\n"))
    name, data, number = event.split(b"\n")
    assert (name, number) == (b"event: result", b"id: 4")
    return data.removeprefix(b"data: ")


@pytest.mark.parametrize("explain", [False, True])
@pytest.mark.parametrize("patients", [1, READY_SCORES, READY_SCORES + 1, 1_000])
def test_every_way_to_read_a_job_gives_the_bytes_of_the_models_own_dump(url: str, patients: int, explain: bool) -> None:
    waited = submit(url, patients, explain, WAITS)
    assert (waited.status_code, waited.headers["preference-applied"]) == (200, "wait=30")
    job = waited.headers["location"]
    read = httpx2.get(url + job, timeout=60)
    assert read.headers["content-type"] == waited.headers["content-type"] == "application/json"
    assert waited.content == read.content == result_of(url, job)
    assert Job.model_validate_json(read.content).model_dump_json().encode() == read.content
    assert len(read.json()["scores"]) == patients


def test_a_repeat_is_answered_all_scores_of_the_first(url: str) -> None:
    keyed = {"Idempotency-Key": "once"}
    first = submit(url, 1_000, True, keyed | WAITS)
    again = submit(url, 1_000, True, keyed)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert again.content == submit(url, 1_000, True, keyed | WAITS).content == first.content


def test_the_page_of_a_large_job_shows_its_first_scores(url: str) -> None:
    job = submit(url, 1_000, False, WAITS).headers["location"]
    shown = httpx2.get(url + job.removeprefix("/v1"), headers={"Accept": "text/html"}, timeout=30)
    assert shown.status_code == 200
    assert shown.text.count("<tr><th scope=") == 50 + 1
    assert "of 1,000 patients" in shown.text


@contextmanager
def listening(redis_url: str) -> Iterator[list[bytes]]:
    """Give what is sent to gateway processes that wait, as it comes."""
    heard, ready, done = list[bytes](), Event(), Event()

    def listen() -> None:
        with Redis.from_url(redis_url) as redis, redis.pubsub() as ears:
            ears.psubscribe(f"{JOBS.answers}*")
            while not done.is_set():
                message = ears.get_message(timeout=0.1)
                if message and message["type"] == "psubscribe":
                    ready.set()
                elif message:
                    heard.append(message["data"])

    thread = Thread(target=listen)
    thread.start()
    assert ready.wait(10)
    try:
        yield heard
    finally:
        done.set()
        thread.join()


def test_a_small_answer_is_sent_to_whoever_waits_and_to_no_one_else(whole: tuple[str, str]) -> None:
    url, redis_url = whole
    with listening(redis_url) as heard:
        alone = httpx2.post(f"{url}/v1/jobs", json=EXAMPLE, timeout=30).headers["location"]
        wait_until(lambda: httpx2.get(url + alone).json()["state"] == "succeeded", within_s=30, what="its score")
        large = submit(url, READY_SCORES + 1, False, WAITS)
        small = submit(url, 2, False, WAITS)
        wait_until(lambda: heard, within_s=10, what="the small answer")
    assert large.status_code == small.status_code == 200
    [message] = heard
    id, patients, _, _, scores = message.split(b" ", 4)
    assert (id.decode(), patients) == (small.json()["id"], b"2")
    assert b'"scores":' + scores in small.content
    with Redis.from_url(redis_url) as redis:
        assert not redis.hexists(JOBS.job + small.json()["id"], "waiter")


def test_times_of_a_ready_made_answer_keep_their_order(url: str) -> None:
    told = httpx2.post(f"{url}/v1/jobs", json=EXAMPLE, headers=WAITS, timeout=30).json()
    times = [told["accepted_at"], told["started_at"], told["finished_at"]]
    assert all(earlier <= later for earlier, later in pairwise(times))


def test_a_list_of_many_is_read_whole(url: str) -> None:
    for _ in range(3):
        submit(url, 1, False)
    listed = httpx2.get(f"{url}/v1/jobs", params={"limit": 1_000}, timeout=30)
    assert int(listed.headers["content-length"]) == len(listed.content)
    assert len(listed.json()["data"]) >= 3
