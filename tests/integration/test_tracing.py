"""Traces and logs of a whole real service: a request is followed from its client to the receiver of its callback."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from bench.local.conditions import wait_until
from bench.local.programs import free_port, gateway, responds, running, start, stop, valkey
from core.schema.patient import EXAMPLE
from monitoring.log import FIELDS
from tests.collector import Collector, Seen, collecting
from tests.receiver import SECRET, Receiver, Told, receiving

SOON_S = 60
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CLIENT = "00f067aa0ba902b7"
PATIENT = EXAMPLE | {"trestbps": 123.4375, "thalach": 171.0625}
TELLING = ("123.4375", "171.0625", "badthal")
FILE = ",".join(PATIENT) + "\n" + ",".join(map(str, PATIENT.values())) + "\n" + ",".join(["badthal"] * len(PATIENT))


def traceparent(last: str = CLIENT, sampled: bool = True) -> dict[str, str]:
    """Return the header of a request that is made in the trace."""
    return {"traceparent": f"00-{TRACE}-{last}-0{sampled:d}"}


class House(NamedTuple):
    """A service of which all is traced, and each line of the log is JSON."""

    folder: Path
    client: httpx2.Client
    collector: Collector
    receiver: Receiver
    programs: ExitStack

    def submit(self, **headers: str) -> str:
        """Submit a patient whose end the receiver is told of, and return the job's id once it was."""
        query = {"callback_url": f"{self.receiver.url}?secret=hush"}
        id = str(self.client.post("/v1/jobs", params=query, json=PATIENT, headers=headers).json()["id"])
        wait_until(lambda: self.receiver.told_of(id), within_s=SOON_S, what="the callback")
        return id

    def told_of(self, id: str) -> Told:
        """Return what was told of a job."""
        return self.receiver.told_of(id)[0]

    def lines(self) -> list[dict[str, Any]]:
        """Return each line of each log. Raises ValueError for one that is no JSON."""
        return [json.loads(line) for line in self.text().splitlines()]

    def text(self) -> str:
        """Return all logs."""
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    def line(self, message: str, id: str) -> dict[str, Any]:
        """Return the line that says this of a job or a batch, once it is there."""

        def find() -> list[dict[str, Any]]:
            about = [line for line in self.lines() if id in (line.get("job_id"), line.get("batch_id"))]
            return [line for line in about if re.search(message, line["message"])]

        return wait_until(find, within_s=SOON_S, what=f"the line: {message}")[0]

    def span(self, service: str, name: str, within: str = TRACE, **attributes: object) -> Seen:
        """Return the span in a trace, or with a link to it, that has these attributes, once it is there."""

        def find() -> list[Seen]:
            named = self.collector.named(service, name)
            here = [span for span in named if within in (span.trace_id, *(trace for trace, _ in span.links))]
            return [span for span in here if attributes.items() <= span.attributes.items()]

        return wait_until(find, within_s=SOON_S, what=f"the span {name} of {service}")[0]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The service, and who is told."""
    folder = tmp_path_factory.mktemp("traced")
    with ExitStack() as stack:
        collector, receiver = stack.enter_context(collecting()), stack.enter_context(receiving())
        variables = {
            "SCORELINE_REDIS_URL": stack.enter_context(valkey(folder / "valkey")),
            "SCORELINE_API_PROCESSES": "2",
            "SCORELINE_STORE": f"file://{folder}/store",
            "SCORELINE_CALLBACK_SECRET": SECRET,
            "SCORELINE_CALLBACK_PRIVATE": "true",
            "SCORELINE_SWEEP_EVERY_S": "0.1",
            "SCORELINE_LOG_FORMAT": "json",
            "SCORELINE_LOG_REQUESTS": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        programs = stack.enter_context(ExitStack())
        for log, *arguments in (["run"], ["bulk", "--queue", "bulk"], ["sweep"], ["notify"]):
            room = "run" if log == "bulk" else log
            programs.enter_context(running("worker", room, *arguments, log=folder / f"{log}.log", **variables))
        url = programs.enter_context(gateway(folder, **variables))
        client = stack.enter_context(httpx2.Client(base_url=url, timeout=30))
        yield House(folder, client, collector, receiver, programs)


def test_a_request_is_followed_to_the_batch_it_was_scored_in_and_to_its_callback(house: House) -> None:
    id = house.submit(**traceparent(), **{"X-Request-ID": "the-first"})
    served = house.span("scoreline-gateway", "POST /v1/jobs", **{"scoreline.request_id": "the-first"})
    assert (served.kind, served.trace_id, served.parent_id) == ("SERVER", TRACE, CLIENT)
    scored = house.span("scoreline-worker", "score jobs")
    assert (served.trace_id, served.span_id) in scored.links
    assert (scored.kind, scored.parent_id, scored.trace_id != TRACE) == ("CONSUMER", "", True)
    told = house.span("scoreline-notifier", "POST", **{"scoreline.job_id": id})
    assert (told.kind, told.trace_id, told.parent_id) == ("CLIENT", TRACE, served.span_id)
    assert house.told_of(id).headers["traceparent"] == traceparent(told.span_id)["traceparent"]


def test_each_part_of_a_file_is_scored_within_the_trace_of_its_upload(house: House) -> None:
    headers = traceparent() | {"Content-Type": "text/csv", "X-Request-ID": "the-file"}
    id = house.client.post("/v1/batches", content=FILE, headers=headers).json()["id"]
    served = house.span("scoreline-gateway", "POST /v1/batches", **{"scoreline.request_id": "the-file"})
    part = house.span("scoreline-worker", "score part", **{"scoreline.batch_id": id, "scoreline.part": 1})
    assert (part.trace_id, part.parent_id) == (TRACE, served.span_id)
    assert house.line("part .* was scored", id)["trace_id"] == TRACE


def test_who_is_not_sampled_makes_no_span_and_is_followed_in_the_logs_all_the_same(house: House) -> None:
    other = "a3ce929d0e0e47364bf92f3577b34da6"
    id = house.submit(traceparent=f"00-{other}-{CLIENT}-00")
    version, trace, _, flags = house.told_of(id).headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", other, "00")
    assert house.line("has ended", id)["trace_id"] == other
    house.submit(**traceparent())
    assert not [span for span in house.collector.spans if other in span.raw or other == span.trace_id]


def test_the_lines_of_all_programs_tell_of_a_job_by_its_ids(house: House) -> None:
    id = house.submit(**traceparent(), **{"X-Request-ID": "the-last"})
    answered = house.line("POST /v1/jobs was answered 202", id)
    assert answered | {"request_id": "the-last", "trace_id": TRACE, "route": "/v1/jobs", "status": 202} == answered
    for message in ("has ended", "callback of job"):
        assert house.line(message, id)["trace_id"] == TRACE
    for line in house.lines():
        assert list(line) == [name for name in FIELDS if name in line]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])


def test_no_value_of_a_patient_and_no_secret_is_in_any_line_or_span(house: House) -> None:
    house.submit(**traceparent())
    bad = PATIENT | {"thal": "badthal", "chol": "badthal", "badthal": 1}
    assert house.client.post("/v1/jobs", json=bad, headers=traceparent()).status_code == 422
    assert house.client.get("/v1/jobs", params={"limit": "badthal"}, headers=traceparent()).status_code == 422
    house.span("scoreline-gateway", "GET /v1/jobs", **{"url.query": "REDACTED"})
    everything = house.text() + "".join(span.raw for span in house.collector.spans)
    assert everything.count("was answered") > 2
    for value in (*TELLING, "hush", *SECRET.split()):
        assert value not in everything


def test_each_program_writes_nothing_but_such_lines_from_its_start_to_its_stop(house: House) -> None:
    house.submit()  # by when all have started
    house.programs.close()  # the last that this file does with them
    told = {path.stem: path.read_text().splitlines() for path in house.folder.glob("*.log")}
    assert told.keys() == {"api", "run", "bulk", "sweep", "notify"}
    for program, lines in told.items():
        events = [json.loads(line) for line in lines]
        assert all({"time", "level", "logger", "message"} <= event.keys() for event in events), program
        stopping = [event for event in events if "told to stop" in event["message"]]
        assert len(stopping) == (program in ("run", "bulk", "notify"))
    assert not [value for value in (*TELLING, "hush", *SECRET.split()) if value in house.text()]


@pytest.fixture
def without_packages(tmp_path: Path) -> Path:
    """A folder with all packages that are installed, less those that only a traced service needs."""
    [installed] = [Path(place) for place in sys.path if place.endswith("site-packages")]
    (tmp_path / "packages" / "opentelemetry").mkdir(parents=True)
    for path in (*installed.iterdir(), *(installed / "opentelemetry").iterdir()):
        place = tmp_path / "packages" / path.relative_to(installed)
        if path.name != "opentelemetry" and path.name not in ("sdk", "exporter", "proto"):
            place.symlink_to(path)
    return tmp_path / "packages"


def test_without_the_packages_a_service_says_what_to_install_and_serves(
    redis_url: str, without_packages: Path, tmp_path: Path
) -> None:
    log = tmp_path / "run.log"
    variables = {
        "PYTHONPATH": str(without_packages),
        "SCORELINE_REDIS_URL": redis_url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    }
    process = start(sys.executable, "-S", "-m", "worker", "run", log=log, **variables)
    try:
        wait_until(lambda: "requirements-otel.txt" in log.read_text(), within_s=SOON_S, what="what to install")
        assert process.poll() is None
    finally:
        stop(process)
    assert process.returncode == 0


def test_a_collector_that_is_away_holds_up_neither_answers_nor_a_stop(redis_url: str, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "api.log"
    variables = {
        "SCORELINE_REDIS_URL": redis_url,
        "SCORELINE_API_PORT": str(port),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "OTEL_BSP_SCHEDULE_DELAY": "10",
    }
    url = f"http://127.0.0.1:{port}"
    with running("api", log=log, **variables) as process:
        wait_until(lambda: responds(f"{url}/health/live"), within_s=SOON_S, what="the gateway to answer")
        wait_until(lambda: "opentelemetry" in log.read_text(), within_s=SOON_S, what="the collector to be missed")
        assert httpx2.post(f"{url}/v1/jobs", json=PATIENT, headers=traceparent()).status_code == 202
        stop(process, within_s=8)  # the exporter itself would try for ten seconds
