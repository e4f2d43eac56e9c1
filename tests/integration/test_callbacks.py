"""Callbacks from end to end: a real service, a real receiver, and what happens to either."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from redis import Redis
from standardwebhooks import Webhook

from bench.local.conditions import wait_until
from bench.local.programs import gateway, running, start_python, stop, valkey
from core.ledger.redis.keys import JOBS
from core.schema.patient import EXAMPLE
from tests.receiver import SECRET, Receiver, Told, receiving

SOON_S = 60
PATIENT = EXAMPLE | {"trestbps": 123.4375, "thalach": 171.0625}


class House:
    """A service whose scoring workers are started by the test, so that jobs can end in other ways."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.folder = folder
        redis_url = stack.enter_context(valkey(folder / "valkey"))
        self.redis = stack.enter_context(Redis.from_url(redis_url))
        self.variables = {
            "SCORELINE_REDIS_URL": redis_url,
            "SCORELINE_CALLBACK_SECRET": SECRET,
            "SCORELINE_CALLBACK_PRIVATE": "true",
            "SCORELINE_CALLBACK_TIMEOUT_S": "1",
            "SCORELINE_CALLBACK_RETRY_S": "0.05",
            "SCORELINE_SWEEP_EVERY_S": "0.1",
        }
        stack.enter_context(running("worker", "sweep", log=folder / "sweep.log", **self.variables))
        url = stack.enter_context(gateway(folder, **self.variables))
        self.client = stack.enter_context(httpx2.Client(base_url=url, timeout=30))
        self.start_notifier()
        stack.callback(lambda: stop(self.notifier))

    def start_notifier(self, **variables: str) -> None:
        """Start a notifier, with further settings."""
        log = self.folder / "notify.log"
        self.notifier = start_python("worker", "notify", log=log, **self.variables | variables)

    def submit(self, callback: str, **headers: str) -> str:
        """Submit a patient whose job is told of there, and return its id."""
        answer = self.client.post("/v1/jobs", params={"callback_url": callback}, json=PATIENT, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def cancel(self, callback: str) -> str:
        """Have a job that is told of there end at once, and return its id."""
        id = self.submit(callback)
        assert self.client.post(f"/v1/jobs/{id}/cancel").status_code == 200
        return id

    def is_due(self, id: str) -> bool:
        """Whether the job's callback is, or will be, due."""
        return self.redis.zscore(JOBS.callbacks, id) is not None

    def wait_until_settled(self, id: str) -> None:
        """Wait until the job's callback will never be due again."""
        wait_until(lambda: not self.is_due(id), within_s=SOON_S, what="the callback to be settled")

    def wait_until_said(self, text: str) -> None:
        """Wait until a notifier has written this to its log."""
        wait_until(lambda: text in self.log(), within_s=SOON_S, what=f"the log to say: {text}")

    def log(self) -> str:
        """Return what the notifiers have said."""
        return (self.folder / "notify.log").read_text()


@pytest.fixture(scope="module")
def lasting_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house for all tests."""
    with ExitStack() as stack:
        yield House(stack, tmp_path_factory.mktemp("house"))


@pytest.fixture
def house(lasting_house: House) -> House:
    """The house, with its notifier."""
    if lasting_house.notifier.poll() is not None:
        lasting_house.start_notifier()
    return lasting_house


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of callbacks."""
    with receiving() as receiver:
        yield receiver


def told(receiver: Receiver, id: str, times: int = 1) -> list[Told]:
    """Wait until the receiver was told of the job so often, and return each time."""

    def look() -> list[Told] | None:
        all_told = receiver.told_of(id)
        return all_told if len(all_told) >= times else None

    return wait_until(look, within_s=SOON_S, what="the receiver to be told")


def event(one: Told) -> dict[str, Any]:
    """Return what was told, its signature checked."""
    read: dict[str, Any] = Webhook(SECRET).verify(one.body, one.headers)
    return read


def test_the_end_of_a_job_is_told_whatever_it_is_without_patient_or_score(house: House, receiver: Receiver) -> None:
    headers = {"Cancel-After": "1s"}
    ends = {"canceled": house.cancel(receiver.url), "expired": house.submit(receiver.url, **headers)}
    told(receiver, ends["expired"])
    with running("worker", "run", log=house.folder / "run.log", **house.variables):
        ends["succeeded"] = house.submit(receiver.url)
        told(receiver, ends["succeeded"])
    for state, id in ends.items():
        house.wait_until_settled(id)
        [one] = told(receiver, id)
        job = house.client.get(f"/v1/jobs/{id}").json()
        assert event(one)["type"] == f"job.{state}"
        assert event(one)["timestamp"][:23] == job["finished_at"][:23]
        assert event(one)["data"] == {"id": id, "state": job["state"], "url": f"/v1/jobs/{id}"}
        said = json.dumps([one.headers, one.body.decode()])
        for value in (PATIENT["trestbps"], PATIENT["thalach"], *(score["risk"] for score in job["scores"] or [])):
            assert str(value) not in said


def test_a_receiver_that_fails_is_told_again_later_and_later(house: House, receiver: Receiver) -> None:
    receiver.statuses.extend([500, 302, 503])
    id = house.cancel(f"{receiver.url}?token=very-secret")
    house.wait_until_settled(id)
    assert len(receiver.told) == 4
    assert {one.path for one in receiver.told} == {"/told?token=very-secret"}
    assert len({(one.headers["webhook-id"], one.body) for one in receiver.told}) == 1
    assert house.redis.hget(JOBS.job + id, "rung") == b"4"
    house.wait_until_said(f"callback of job {id} to 127.0.0.1, attempt 2: answered 302; tried again in")
    assert "very-secret" not in house.log()


def test_a_receiver_that_asks_to_be_spared_for_a_while_is(house: House, receiver: Receiver) -> None:
    times_s = list[float]()
    receiver.before = lambda _: times_s.append(time.monotonic())
    receiver.statuses.append(503)
    receiver.headers["Retry-After"] = "2"
    told(receiver, house.cancel(receiver.url), 2)
    assert times_s[1] - times_s[0] >= 2  # else it would be the twentieth of a second


def test_a_receiver_that_wants_no_more_is_not_told_again(house: House, receiver: Receiver) -> None:
    receiver.statuses.append(410)
    id = house.cancel(receiver.url)
    house.wait_until_settled(id)
    assert len(receiver.told) == 1
    house.wait_until_said(f"callback of job {id} to 127.0.0.1, attempt 1: answered 410; not tried again")


def test_a_receiver_that_hangs_holds_up_neither_others_nor_scores(house: House, receiver: Receiver) -> None:
    free = threading.Event()
    with receiving() as hanging, running("worker", "run", log=house.folder / "run.log", **house.variables):
        hanging.before = lambda _: free.wait(SOON_S)
        try:
            stuck = [house.submit(hanging.url) for _ in range(20)]
            for id in stuck:
                told(hanging, id)
            told(receiver, house.submit(receiver.url))
            assert house.client.post("/api/prediction", json=EXAMPLE).status_code == 200
            house.wait_until_said(f"callback of job {stuck[0]} to 127.0.0.1, attempt 1: TimeoutError; tried again")
        finally:
            free.set()


def test_a_callback_whose_notifier_died_before_it_was_written_down_is_delivered_again(
    house: House, receiver: Receiver
) -> None:
    receiver.before = lambda _: house.notifier.kill() if len(receiver.told) == 1 else None
    id = house.cancel(receiver.url)
    told(receiver, id)
    house.notifier.wait(SOON_S)
    house.start_notifier()
    first, second = told(receiver, id, 2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    house.wait_until_settled(id)


def test_a_notifier_that_is_told_to_stop_finishes_what_it_has_in_hand(house: House, receiver: Receiver) -> None:
    receiver.before = lambda _: house.notifier.terminate()
    id = house.cancel(receiver.url)
    assert house.notifier.wait(SOON_S) == 0
    assert len(receiver.told) == 1
    assert not house.is_due(id)


def test_an_erased_job_is_never_told(house: House, receiver: Receiver) -> None:
    house.notifier.send_signal(signal.SIGSTOP)
    erased = house.cancel(receiver.url)
    assert house.client.delete(f"/v1/jobs/{erased}").status_code == 204
    assert not house.is_due(erased)
    house.notifier.send_signal(signal.SIGCONT)
    told(receiver, house.cancel(receiver.url))
    assert receiver.told_of(erased) == []


def test_a_name_that_has_come_to_be_private_is_not_called(house: House, receiver: Receiver) -> None:
    stop(house.notifier)
    id = house.cancel(receiver.url.replace("127.0.0.1", "localhost"))
    house.start_notifier(SCORELINE_CALLBACK_PRIVATE="false")
    house.wait_until_said(f"callback of job {id} to localhost, attempt 2: The host of callback_url has an address that")
    stop(house.notifier)
    assert receiver.told == []
    assert house.is_due(id)


def test_a_notifier_without_a_secret_does_not_start(house: House) -> None:
    log = house.folder / "other.log"
    process = start_python("worker", "notify", log=log, SCORELINE_REDIS_URL=house.variables["SCORELINE_REDIS_URL"])
    assert process.wait(SOON_S) != 0
    assert log.read_text().endswith("set SCORELINE_CALLBACK_SECRET.\n")
