"""The last notification of a quiet queue is lost, and none follows that would tell of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import gateway, running, valkey
from core.ids import new_id
from core.ledger.protocol import NewJob
from core.ledger.redis.keys import BATCHES, JOBS
from core.ledger.redis.ledger import RedisLedger
from core.schema.patient import COLUMNS, EXAMPLE, Patient
from core.settings import Settings
from core.transport.queue import BULK, CALLBACKS, INTERACTIVE
from tests.receiver import SECRET, Receiver, receiving

CSV = "\n".join(",".join(map(str, cells)) for cells in (COLUMNS, EXAMPLE.values(), ())).encode()
AS_CSV = {"Content-Type": "text/csv"}
NEVER_S = "3600"
SOON_S = 30  # of which some five are the start of a worker


class Quiet:
    """A gateway whose workers and sweep are started once the notification is lost."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.folder, self._stack = folder, stack
        self.redis_url = stack.enter_context(valkey(folder / "valkey"))
        self.variables = {
            "SCORELINE_REDIS_URL": self.redis_url,
            "SCORELINE_STORE": f"file://{folder}/store",
            "SCORELINE_VAR": str(folder / "var"),
            "SCORELINE_CALLBACK_SECRET": SECRET,
            "SCORELINE_CALLBACK_PRIVATE": "true",
        }
        self.url = stack.enter_context(gateway(folder, **self.variables))
        self.redis = stack.enter_context(Redis.from_url(self.redis_url))

    def run(self, *arguments: str, **settings: str) -> None:
        """Run `python -m worker` so until the test ends."""
        log = self.folder / f"{arguments[0]}.log"
        self._stack.enter_context(running("worker", *arguments, log=log, **self.variables, **settings))

    def lose(self, queue: str) -> None:
        """Lose whatever is in a queue, once something is."""
        wait_until(lambda: self.redis.delete(queue), within_s=SOON_S, what="a notification")

    def ends(self, location: str) -> None:
        """Return once the job or batch has succeeded."""
        wait_until(
            lambda: httpx2.get(self.url + location).json()["state"] == "succeeded", within_s=SOON_S, what=location
        )


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Quiet]:
    with ExitStack() as stack:
        yield Quiet(stack, tmp_path)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_the_last_turn_of_the_interactive_queue_is_made_good_by_the_next_probe_job(quiet: Quiet) -> None:
    job = httpx2.post(f"{quiet.url}/v1/jobs", json=EXAMPLE).headers["location"]
    quiet.lose(INTERACTIVE)
    quiet.run("run")
    quiet.run("sweep", SCORELINE_RESEND_AFTER_S=NEVER_S)
    quiet.ends(job)


def test_it_is_made_good_by_the_sweep_where_no_probe_job_is_due(quiet: Quiet) -> None:
    quiet.run("run")
    quiet.run("sweep", SCORELINE_CANARY_EVERY_S=NEVER_S)
    wait_until(lambda: quiet.redis.exists(JOBS.consumed), within_s=SOON_S, what="the first probe job to be scored")
    settings = Settings(redis_url=quiet.redis_url)
    wait_until(lambda: not quiet.redis.exists(JOBS.long_poll_until), within_s=SOON_S, what="the worker to be idle")
    job = NewJob(new_id(), [Patient.model_validate(EXAMPLE).to_row()])
    RedisLedger(quiet.redis, settings).submit([job])  # no notification follows: it was lost before anyone saw it
    quiet.ends(f"/v1/jobs/{job.id}")


def test_the_last_turn_of_the_bulk_queue_is_made_good_by_the_sweep(quiet: Quiet) -> None:
    upload = httpx2.post(f"{quiet.url}/v1/batches", content=CSV, headers=AS_CSV)
    quiet.lose(BULK)
    quiet.run("run", "--queue", "bulk")
    quiet.run("sweep")
    quiet.ends(upload.headers["location"])


@pytest.mark.parametrize("keys", [JOBS, BATCHES], ids=["job", "batch"])
def test_the_last_notification_of_a_callback_is_made_good_by_the_sweep(
    quiet: Quiet, receiver: Receiver, keys: object
) -> None:
    asked = {"callback_url": receiver.url}
    if keys is JOBS:
        quiet.run("run")
        place = httpx2.post(f"{quiet.url}/v1/jobs", json=EXAMPLE, params=asked).headers["location"]
    else:
        quiet.run("run", "--queue", "bulk")
        answer = httpx2.post(f"{quiet.url}/v1/batches", content=CSV, headers=AS_CSV, params=asked)
        place = answer.headers["location"]
    quiet.ends(place)
    quiet.run("sweep")
    quiet.lose(CALLBACKS)
    quiet.run("notify")
    wait_until(lambda: receiver.told, within_s=SOON_S, what="the receiver to be told")
