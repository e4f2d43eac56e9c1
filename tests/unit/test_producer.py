"""What the producer promises: the same patients for the same seed, manners, and patience."""

import asyncio
import json
import math
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Thread
from uuid import UUID

import pytest

from contract.errors import BadTable
from contract.job import Job, State
from contract.patient import COLUMNS, Patient
from contract.score import Score
from producer.client import Client, Refused, ServiceAway
from producer.demo import BANDS, summarize
from producer.table import TABLE, draw, read_cases
from producer.traffic import Tally, Traffic, pace_steadily, pause_randomly
from tests.patients import PATIENT
from tests.servers import ROOT, free_port

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = UUID("01900000-0000-7000-8000-000000000000")
ENDED = Job(id=ID, state=State.SUCCEEDED, patients=1, accepted_at=NOW, finished_at=NOW, scores=[])
QUEUED = Job(id=ID, state=State.QUEUED, patients=1, accepted_at=NOW)


class Service:
    """A gateway that answers what it was given, in turn, and keeps what it was sent."""

    def __init__(self, answers: list[tuple[int, str, dict[str, str]]]) -> None:
        self.answers = iter(answers)
        self.keys: list[str | None] = []
        self.bodies: list[bytes] = []

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Send the next answer."""
        self.keys.append(request.headers["Idempotency-Key"])
        self.bodies.append(request.rfile.read(int(request.headers["Content-Length"] or 0)))
        status, body, headers = next(self.answers)
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body.encode())


@contextmanager
def running(service: Service, port: int = 0) -> Iterator[str]:
    """Let the service listen, and give its URL."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    Handler.do_GET = Handler.do_POST = lambda request: service.answer(request)  # type: ignore[attr-defined]
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def submit(url: str, patients: int = 1, patience_s: float = math.inf) -> Job:
    """Submit the example patient, or as many of it, and return the job."""

    async def run() -> Job:
        async with Client(url, patience_s=patience_s) as client:
            return await client.submit([PATIENT] * patients)

    return asyncio.run(run())


def accepted(job: Job = QUEUED) -> tuple[int, str, dict[str, str]]:
    """Return the gateway's answer to a submit."""
    return 202, job.model_dump_json(), {}


def problem(status: int, **headers: str) -> tuple[int, str, dict[str, str]]:
    """Return a problem as the gateway answers it."""
    return status, json.dumps({"title": "Later", "detail": "Send it again."}), headers


def test_every_line_of_the_table_is_a_patient_whose_angiogram_is_known() -> None:
    cases = read_cases()
    assert len(cases) == 303
    assert sum(case.disease for case in cases) == 139


def test_the_same_seed_draws_the_same_patients() -> None:
    cases = read_cases()
    first, again, other = (
        list(islice(draw(cases, random.Random(seed)), 20))  # noqa: S311 - not for secrets
        for seed in (7, 7, 8)
    )
    assert first == again != other


def test_a_broken_table_is_named_with_the_line_and_no_value(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(",".join((*COLUMNS, "target")) + "\n" + ",".join(["987654"] * 14) + "\n")
    with pytest.raises(BadTable, match="line 2") as caught:
        read_cases(path)
    assert "987654" not in str(caught.value)
    with pytest.raises(BadTable, match="cannot be read"):
        read_cases(tmp_path / "none.csv")


def test_pauses_stay_in_their_range() -> None:
    pauses = list(islice(pause_randomly(0, 5, random.Random(1)), 1000))  # noqa: S311 - not for secrets
    assert min(pauses) >= 0
    assert max(pauses) <= 5
    assert 2.2 < sum(pauses) / len(pauses) < 2.8


def test_a_steady_pace_is_the_rate_asked_for() -> None:
    *_, last_s = islice(pace_steadily(rate=10), 100)  # nothing waits meanwhile, so that each is due later than the last
    assert last_s == pytest.approx(10, abs=0.5)


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


def test_traffic_outlives_a_service_that_is_away_and_says_so_once() -> None:
    port, service = free_port(), Service([accepted(), (200, ENDED.model_dump_json(), {})])
    said: list[str] = []

    async def send() -> Tally:
        away = asyncio.Event()

        def tell(sentence: str) -> None:
            said.append(sentence)
            away.set()

        async with Client(f"http://127.0.0.1:{port}", tell=tell) as client:
            traffic = Traffic(client, show=lambda _: None)
            sending = asyncio.create_task(traffic.send(iter([PATIENT]), iter([0.0])))
            await away.wait()
            with running(service, port):
                await sending
            return traffic.tally

    tally = asyncio.run(send())
    assert tally.ended == {"succeeded": 1}
    assert ["nothing answers" in sentence for sentence in said] == [True, False]


def test_a_patient_who_is_refused_stops_no_other() -> None:
    service = Service([problem(422), accepted(), (200, ENDED.model_dump_json(), {})])

    async def send(url: str) -> Tally:
        async with Client(url) as client:
            traffic = Traffic(client, show=lambda _: None)
            # One after the other, so that it is known who gets which answer.
            await traffic.send(iter([PATIENT]), iter([0.0]))
            await traffic.send(iter([PATIENT]), iter([0.0]))
            return traffic.tally

    with running(service) as url:
        tally = asyncio.run(send(url))
    assert tally.ended == {"refused": 1, "succeeded": 1}
    assert str(tally) == "2 sent, 1 refused, 1 succeeded, 0 waiting"


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
