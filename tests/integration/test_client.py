"""The Python client against a real service, and what it does when one goes away or has no time."""

import asyncio
import io
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest

from bench.local.conditions import wait_until
from bench.local.programs import CLIENT, ROOT, LoneGateway, free_port, gateway
from core.schema.patient import EXAMPLE
from scoreline_client import AsyncClient, Client, Progress
from scoreline_client.errors import (
    BrokenOff,
    Busy,
    EndedBatch,
    InvalidPatient,
    NotScored,
    ServiceAway,
    Unavailable,
    Unknown,
)
from tests.cutting import cutting
from tests.scripted import QUEUED, Service, accepted, problem, running

TABLE = ROOT / "training" / "data" / "cleveland.csv"
RISK = 0.17712659


@pytest.fixture(scope="module")
def client(whole: tuple[str, str]) -> Iterator[Client]:
    """A client of a whole service."""
    with Client(whole[0]) as client:
        yield client


def test_a_patient_is_scored_and_explained(client: Client) -> None:
    score = client.score(EXAMPLE, explain=True)
    assert (score.risk, score.prediction) == (RISK, "no disease")
    assert score.explanation
    assert client.score(EXAMPLE | {"sex": "female"}).risk == RISK


def test_many_patients_are_one_job_that_is_read_listed_and_erased(client: Client) -> None:
    job = client.submit([EXAMPLE] * 3, wait_s=20)
    assert job.state == "succeeded"
    assert [score.risk for score in job.scores or []] == [RISK] * 3
    assert client.job(job.id) == job
    assert client.jobs("succeeded", limit=1).data[0].id == job.id
    assert client.wait_for_job(client.submit(EXAMPLE).id, 20).state == "succeeded"
    client.erase_job(job.id)
    with pytest.raises(Unknown):
        client.job(job.id)


def test_a_refusal_names_every_bad_field_and_no_value(client: Client) -> None:
    with pytest.raises(InvalidPatient, match="age must be a number") as caught:
        client.submit([EXAMPLE, EXAMPLE | {"age": 987654, "weight": 70}])
    assert [(fault.field, fault.code) for fault in caught.value.errors] == [
        ("patients[1].age", "out_of_bounds"),
        ("patients[1]", "unknown_field"),
    ]
    assert "987654" not in str(caught.value)


def test_a_file_is_sent_followed_and_downloaded(client: Client, tmp_path: Path) -> None:
    seen: list[Progress] = []
    path = tmp_path / "two.csv"
    path.write_bytes(TABLE.read_bytes() + b"200" + TABLE.read_bytes().splitlines()[1][2:] + b"\n")
    batch = client.submit_file(path, on_progress=seen.append, id_column="target")
    assert (batch.state, batch.counts.scored, batch.counts.rejected) == ("succeeded", 303, 1)
    size = path.stat().st_size
    assert (seen[0].sent_bytes, seen[0].size_bytes, seen[0].batch) == (size, size, None)
    assert seen[-1].batch == batch
    rows, told, parquet = io.BytesIO(), io.BytesIO(), io.BytesIO()
    assert client.results(batch.id, rows) == len(rows.getvalue())
    assert len(rows.getvalue().splitlines()) == 304
    client.errors(batch.id, told)
    assert json.loads(told.getvalue())["line"] == 305
    client.results(batch.id, parquet, format="parquet")
    assert parquet.getvalue().startswith(b"PAR1")
    with pytest.raises(EndedBatch):
        client.cancel_batch(batch.id)
    assert client.batches(limit=1).data[0].id == batch.id


def test_the_model_shows_its_card_and_how_its_patients_are_spread(client: Client) -> None:
    version = client.score(EXAMPLE).model_version
    assert client.model()["version"] == client.model(version)["version"] == version
    drift = client.drift(hours=1)
    assert (drift.model_version, len(drift.features)) == (version, 13)
    with pytest.raises(Unknown):
        client.model("none")


def test_the_asynchronous_client_does_the_same(whole: tuple[str, str]) -> None:
    async def run() -> None:
        async with AsyncClient(whole[0]) as client:
            first, second = await asyncio.gather(client.score(EXAMPLE), client.submit([EXAMPLE] * 2, wait_s=20))
            assert [first.risk] * 2 == [score.risk for score in second.scores or []]
            batch = await client.submit_file(TABLE)
            rows = io.BytesIO()
            await client.results(batch.id, rows)
            assert len(rows.getvalue().splitlines()) == 304
            await client.erase_batch(batch.id)
            with pytest.raises(Unknown):
                await client.batch(batch.id)

    asyncio.run(run())


def test_the_example_of_the_documentation_runs(whole: tuple[str, str], tmp_path: Path) -> None:
    example = CLIENT / "example.py"
    assert example.read_text() in (ROOT / "docs" / "client.md").read_text()
    command = [sys.executable, str(example), whole[0], str(TABLE)]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(CLIENT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "risk 0.177" in done.stdout
    assert "303 rows scored" in done.stdout


def test_a_gateway_that_restarts_meanwhile_is_waited_for_and_the_job_counts_once(lone_gateway: LoneGateway) -> None:
    port = str(free_port())
    variables = {"SCORELINE_REDIS_URL": lone_gateway.redis_url, "SCORELINE_API_PORT": port}
    with ThreadPoolExecutor(1) as thread, Client(f"http://127.0.0.1:{port}") as client:
        with gateway(lone_gateway.folder, **variables) as url, Client(url) as other:
            waiting = thread.submit(client.submit, EXAMPLE, wait_s=60)
            wait_until(lambda: other.jobs().data, within_s=20, what="the job to be written down")
        assert not waiting.done()
        with gateway(lone_gateway.folder, **variables), lone_gateway.running("run"):
            job = waiting.result(60)
            assert job.state == "succeeded"
            assert [each.id for each in client.jobs().data] == [job.id]


def test_a_429_is_obeyed_and_all_attempts_bear_one_key() -> None:
    service = Service([problem(429, **{"Retry-After": "1"}), problem(503), accepted()])
    with running(service) as url, Client(url) as client:
        assert client.submit(EXAMPLE).id == QUEUED.id
    first_s, second_s, third_s = service.times_s
    assert second_s - first_s >= 1
    assert third_s - second_s < 1
    assert len(set(service.keys)) == 1
    assert service.keys[0]


@pytest.mark.parametrize(("status", "kind"), [(429, Busy), (503, Unavailable)])
def test_patience_ends_with_what_the_service_said(status: int, kind: type[Exception]) -> None:
    service = Service([problem(status, **{"Retry-After": "60"})])
    with (
        running(service) as url,
        Client(url, patience_s=1) as client,
        pytest.raises(kind, match="Send it again"),
    ):
        client.submit(EXAMPLE)


def test_patience_with_a_service_that_is_away_ends_too() -> None:
    with Client(f"http://127.0.0.1:{free_port()}", patience_s=0.3) as client, pytest.raises(ServiceAway, match="127"):
        client.score(EXAMPLE)


def test_a_score_that_is_late_is_said_not_to_be_lost(lone_gateway: LoneGateway) -> None:
    with Client(lone_gateway.url) as client, pytest.raises(NotScored, match="it is not lost"):
        client.score(EXAMPLE, wait_s=0.2)


def test_a_download_that_is_cut_off_goes_on_where_it_was(client: Client, whole: tuple[str, str]) -> None:
    batch = client.submit_file(TABLE)
    straight, cut = io.BytesIO(), io.BytesIO()
    client.results(batch.id, straight)
    with cutting(whole[0], after_bytes=9_000) as cuts, Client(cuts.url) as far_client:
        far_client.results(batch.id, cut)
    assert cuts.count > 1
    assert cut.getvalue() == straight.getvalue()


def test_a_pipe_is_sent_once_and_a_file_again(client: Client) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    answers = [problem(503, **{"Retry-After": "0"})]
    with running(Service(answers)) as url, Client(url) as away, pytest.raises(BrokenOff, match="cannot be read again"):
        away.submit_file(Pipe(b"age\n1\n"))
    file: BinaryIO = io.BytesIO(TABLE.read_bytes())
    assert client.submit_file(file, wait_s=math.inf).counts.rows == 303
