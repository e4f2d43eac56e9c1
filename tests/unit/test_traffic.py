"""What the producer sends, and how it takes what it gets: patience, manners, and an honest count."""

import asyncio
from pathlib import Path
from uuid import UUID

from bench.local.programs import free_port
from core.ledger.job import Job, State
from producer.client import Client
from producer.scenarios import encode
from producer.screen import ENOUGH, Totals
from producer.table import Labels
from producer.traffic import Traffic
from producer.visits import Visit
from tests.patients import PATIENT
from tests.scripted import ENDED, ID, NOW, Service, accepted, problem, running

BODY = encode(PATIENT.model_dump())
VISIT = Visit(BODY, disease=True)
DONE = accepted(ENDED)
OTHER = accepted(ENDED.model_copy(update={"id": UUID(int=ID.int + 1)}))


def send(url: str, visits: list[Visit], pause_s: float = 0, labels: Labels | None = None) -> tuple[Totals, list[str]]:
    """Send the visits; return the tally, and what was told."""
    told: list[str] = []

    async def run() -> Totals:
        async with Client(url) as client:
            traffic = Traffic(client, lambda _: None, told.append, labels)
            await traffic.send(iter(visits), iter([pause_s] * len(visits)))
            return traffic.totals

    return asyncio.run(run()), told


def test_traffic_outlives_a_service_that_is_away_and_says_so_once() -> None:
    port, service = free_port(), Service([accepted(), (200, ENDED.model_dump_json(), {})])
    said: list[str] = []

    async def send() -> Totals:
        away = asyncio.Event()

        def report(sentence: str) -> None:
            said.append(sentence)
            away.set()

        async with Client(f"http://127.0.0.1:{port}", report=report) as client:
            traffic = Traffic(client, show=lambda _: None)
            sending = asyncio.create_task(traffic.send(iter([VISIT]), iter([0.0])))
            await away.wait()
            with running(service, port):
                await sending
            return traffic.totals

    totals = asyncio.run(send())
    assert totals.ended == {"succeeded": 1}
    assert ["nothing answers" in sentence for sentence in said] == [True, False]


def test_a_patient_who_is_refused_stops_no_other_and_the_reason_is_told_once() -> None:
    service = Service([problem(422), problem(422), DONE, DONE])
    with running(service) as url:
        # A pause, so that it is known who gets which answer.
        totals, told = send(url, [VISIT] * 3, pause_s=0.1)
    assert totals.ended == {"refused": 2, "succeeded": 1}
    assert str(totals) == "3 sent, 2 refused, 1 succeeded, 0 waiting"
    assert told == ["422 Later: Send it again."]


def test_while_the_service_says_429_no_one_new_is_sent() -> None:
    service = Service([problem(429, **{"Retry-After": "1"}), DONE, DONE, DONE, DONE])
    with running(service) as url:
        totals, _ = send(url, [VISIT] * 2, pause_s=0.2)
    put_off_s, next_s = service.times_s[:2]
    assert next_s - put_off_s >= 0.9
    assert totals.put_off == 1
    assert str(totals) == "2 sent, 2 succeeded, 0 waiting; 1 told to wait"


def test_a_patient_sent_twice_has_one_key_and_is_one_job_or_it_is_said() -> None:
    twice = Visit(BODY, disease=True, twice=True)
    for again, seen_once in ((DONE, 1), (OTHER, 0)):
        service = Service([DONE, again, DONE])
        with running(service) as url:
            totals, _ = send(url, [twice])
        assert service.keys[0] == service.keys[1]
        assert service.bodies[:2] == [BODY, BODY]
        assert str(totals) == f"1 sent, 1 succeeded, 0 waiting; 1 sent twice, {seen_once} of them seen once"


def test_a_malformed_body_counts_as_refused_only_where_the_service_finds_fault_with_it() -> None:
    malformed = Visit(b"{", disease=True, malformed=True)
    for answers, refused in (([problem(400)], 1), ([problem(500)], 0), ([DONE, DONE], 0)):
        with running(Service(answers)) as url:
            totals, told = send(url, [malformed])
        assert (totals.malformed, totals.malformed_refused, told) == (1, refused, [])


def test_what_the_angiogram_shows_is_written_down_after_the_job_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    for disease in (True, False):  # the file grows
        with running(Service([DONE, DONE])) as url, Labels(path) as labels:
            totals, _ = send(url, [Visit(BODY, disease)], labels=labels)
        assert totals.labels == 1
    assert path.read_text() == f"job,disease\n{ID},1\n{ID},0\n"


def test_the_tally_tells_no_risk_of_a_few() -> None:
    scores = [{"risk": 0.25, "prediction": "no disease", "conformal": (), "model_version": "1"}]
    job = Job.model_validate(
        {"id": ID, "state": State.SUCCEEDED, "patients": 1, "accepted_at": NOW, "finished_at": NOW, "scores": scores}
    )
    totals = Totals()
    for number in range(1, ENOUGH + 1):
        totals.begin()
        totals.count(job)
        assert ("mean risk 0.25" in str(totals)) == (number == ENOUGH)
