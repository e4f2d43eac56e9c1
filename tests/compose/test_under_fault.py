"""What 202 promises holds in containers, too: a killed worker and a restarted Redis lose nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from bench.local.conditions import wait_until
from tests.compose.stack import SHOWN, Stack, engine, say
from tests.faults.cohort import patients, risks
from tests.faults.file_audit import tally
from tests.faults.files import File, results_of
from tests.faults.traffic import Traffic

pytestmark = pytest.mark.compose

ROWS = 400_000
NOTE_BYTES = 100  # so that the file has some fifteen parts
ENDED_WITHIN_S = 180
PATH = "/v1/batches"


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[httpx2.Client]:
    """A client of the gateway."""
    with httpx2.Client(base_url=stack.url, headers=SHOWN, timeout=60) as client:
        yield client


@contextmanager
def under_load(stack: Stack, client: httpx2.Client, name: str) -> Iterator[None]:
    """Have a file scored, and patients submitted all the while; then count what became of every row and every job."""
    file = File(name, ROWS, NOTE_BYTES)
    with Traffic(stack.port, jobs=500, rate_per_s=50, connections=8, headers=SHOWN) as traffic:
        answer = client.post(PATH, content=file.content, headers=file.headers)
        assert answer.status_code == 202
        place = answer.headers["Location"]
        wait_until(lambda: counts(client, place).get("parts_done"), within_s=60, what="the first part")
        yield
        now = wait_until(lambda: counts(client, place), within_s=60, what="the ledger to be back")
        done, parts = now["parts_done"], now["parts"]
        say(f"{done} of {parts} parts of the file were done by then; {len(traffic.accepted)} jobs were accepted")
        assert done < parts, "the fault came too late to strike"
        traffic.enough(ENDED_WITHIN_S)
    assert not traffic.surprises
    count_file(client, file, place)
    count_jobs(client, traffic)


def counts(client: httpx2.Client, place: str) -> dict[str, int]:
    """Return the counts of a batch, or nothing while the ledger is away."""
    told: dict[str, int] = client.get(place).json().get("counts", {})
    return told


def count_file(client: httpx2.Client, file: File, place: str) -> None:
    """Wait for the file's end, and count its rows."""
    wait_until(
        lambda: client.get(place).json().get("state") == "succeeded", within_s=ENDED_WITHIN_S, what="the file's end"
    )
    results, errors = (client.get(f"{place}/{what}").content for what in ("results", "errors"))
    scored, rejected, lost, doubled = tally(file, results, errors)
    say(f"{file.rows} rows: {scored} scored, {rejected} rightly refused, {lost} lost, {doubled} doubled")
    assert (lost, doubled) == (0, 0)
    assert results == results_of(file)


def count_jobs(client: httpx2.Client, traffic: Traffic) -> None:
    """Wait for each job's end, and count those that were rightly scored."""
    assert len(set(traffic.accepted.values())) == traffic.submitted

    def scored(id: str) -> list[float] | None:
        job = client.get(f"/v1/jobs/{id}").json()
        return [score["risk"] for score in job["scores"]] if job.get("state") == "succeeded" else None

    def read(id: str) -> list[float]:
        return wait_until(lambda: scored(id), within_s=ENDED_WITHIN_S, what=f"job {id} to be scored")

    right = sum(read(id) == risks(patients(number)) for number, id in traffic.accepted.items())
    say(f"{traffic.submitted} jobs: {right} rightly scored, {traffic.submitted - right} lost")
    assert right == traffic.submitted


def test_workers_that_are_killed_with_a_batch_in_hand_lose_nothing(stack: Stack, client: httpx2.Client) -> None:
    say("killing a bulk worker while it scores a file, and a worker while patients come in")
    with under_load(stack, client, "killed"):
        engine("kill", stack.containers("worker-bulk")[0], stack.containers("worker")[0])
    say("starting those that were killed")
    stack.up()


def test_a_redis_that_restarts_loses_nothing(stack: Stack, client: httpx2.Client) -> None:
    say("restarting redis while a file is scored and patients come in")
    with under_load(stack, client, "restarted"):
        stack.compose("restart", "redis")
