"""What the producer promises: manners, and patience."""

import asyncio
import json
import math
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from bench.local.programs import ROOT, free_port
from core.errors import BadTable
from core.ledger.job import Job, State
from core.schema.patient import COLUMNS, Patient
from core.schema.score import Score
from producer.client import Client, Refused, ServiceAway
from producer.demo import BANDS, summarize
from producer.table import TABLE, read_cases
from tests.patients import PATIENT
from tests.scripted import ENDED, QUEUED, Service, accepted, problem, running


def submit(url: str, patients: int = 1, patience_s: float = math.inf) -> Job:
    """Submit the example patient, or as many of it, and return the job."""

    async def run() -> Job:
        async with Client(url, patience_s=patience_s) as client:
            return await client.submit([PATIENT] * patients)

    return asyncio.run(run())


def test_every_line_of_the_table_is_a_patient_whose_angiogram_is_known() -> None:
    cases = read_cases()
    assert len(cases) == 303
    assert sum(case.disease for case in cases) == 139


def test_a_broken_table_is_named_with_the_line_and_no_value(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(",".join((*COLUMNS, "target")) + "\n" + ",".join(["987654"] * 14) + "\n")
    with pytest.raises(BadTable, match="line 2") as caught:
        read_cases(path)
    assert "987654" not in str(caught.value)
    with pytest.raises(BadTable, match="cannot be read"):
        read_cases(tmp_path / "none.csv")


def test_one_patient_is_sent_as_itself_and_more_as_a_list() -> None:
    service = Service([accepted(), accepted()])
    with running(service) as url:
        submit(url)
        submit(url, patients=2)
    one, two = (json.loads(body) for body in service.bodies)
    assert Patient.model_validate(one) == PATIENT
    assert two == {"patients": [one, one]}


@pytest.mark.parametrize("status", [409, 429, 503])
def test_a_submit_put_off_is_sent_again_with_the_same_key(status: int) -> None:
    service = Service([problem(status, **{"Retry-After": "0"}), accepted()])
    with running(service) as url:
        assert submit(url) == QUEUED
    first, second = service.keys
    assert first == second
    assert first is not None
    assert UUID(first.strip('"'))
    assert first.startswith('"')


def test_two_submits_have_two_keys() -> None:
    service = Service([accepted(), accepted()])
    with running(service) as url:
        submit(url)
        submit(url)
    assert len(set(service.keys)) == 2


def test_patience_ends_with_what_the_service_said() -> None:
    with (
        running(Service([problem(429, **{"Retry-After": "60"})])) as url,
        pytest.raises(Refused, match="429 Later: Send it again"),
    ):
        submit(url, patience_s=1)


def test_a_refusal_is_not_repeated() -> None:
    service = Service([problem(422)])
    with running(service) as url, pytest.raises(Refused, match="422"):
        submit(url)
    assert len(service.bodies) == 1


@pytest.mark.parametrize("body", ["", "{}", "<html>"])
def test_an_answer_that_is_no_job_is_refused(body: str) -> None:
    with running(Service([(202, body, {})])) as url, pytest.raises(Refused, match="not a job"):
        submit(url)


def test_a_job_is_polled_to_its_end() -> None:
    service = Service([(200, QUEUED.model_dump_json(), {"Retry-After": "0"}), (200, ENDED.model_dump_json(), {})])
    seen: list[State] = []

    async def wait(url: str) -> Job:
        async with Client(url) as client:
            return await client.wait(QUEUED, on_read=lambda job: seen.append(job.state))

    with running(service) as url:
        assert asyncio.run(wait(url)) == ENDED
    assert seen == [State.QUEUED, State.SUCCEEDED]


def test_a_check_of_a_service_that_is_away_has_no_patience() -> None:
    async def check() -> None:
        async with Client(f"http://127.0.0.1:{free_port()}") as client:
            await client.check()

    with pytest.raises(ServiceAway, match="make up"):
        asyncio.run(check())


def test_the_demo_says_in_one_sentence_how_to_start_what_it_needs() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "producer", "demo", "--url", url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"scoreline: nothing answers at {url}: start it with `make up`\n"


def test_each_patient_falls_into_one_band() -> None:
    cases = read_cases()[:7]
    risks = [0, 0.1, 0.29, 0.5, 0.75, 0.9, 1]
    scores = [Score(risk=risk, prediction="disease", conformal=("disease",), model_version="1") for risk in risks]
    table = summarize(scores, cases)
    assert list(table.columns[1].cells) == ["1", "2", "0", "1", "1", "2"]
    assert table.row_count == len(BANDS) - 1


def test_the_producer_reads_the_table_that_the_model_was_trained_on() -> None:
    assert TABLE.relative_to(ROOT) == Path("training/data/cleveland.csv")
