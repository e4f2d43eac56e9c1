"""What Prometheus is shown, by real servers, of traffic that is known."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import free_port, gateway, responds, running, valkey
from core.ledger.redis.keys import JOBS
from core.schema.patient import EXAMPLE
from core.settings import Settings
from monitoring.processes import children

SOON_S = 20
MARKED_AGE = 54.321987
UNKNOWN = "/v1/nothing-here-{}"

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Measured(NamedTuple):
    """A service whose metrics are shown: the URL of the gateway, and those of all its metrics."""

    url: str
    gateway: str
    worker: str
    sweep: str
    redis_url: str
    worker_process: subprocess.Popen[bytes]
    bulk: str
    var: Path


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """A whole service, with two gateway processes."""
    folder = tmp_path_factory.mktemp("measured")
    ports = {name: free_port() for name in ("API", "WORKER", "BULK", "SWEEP")}
    with ExitStack() as stack:
        variables = {
            **{f"SCORELINE_{name}_METRICS_PORT": str(port) for name, port in ports.items()},
            "SCORELINE_REDIS_URL": stack.enter_context(valkey(folder / "valkey")),
            "SCORELINE_VAR": str(folder / "var"),
            "SCORELINE_API_PROCESSES": "2",
            "SCORELINE_BULK_PROCESSES": "1",
        }
        worker, *_ = (
            stack.enter_context(running("worker", *room, log=folder / f"{room[-1]}.log", **variables))
            for room in (["run"], ["sweep"], ["run", "--queue", "bulk"])
        )
        url = stack.enter_context(gateway(folder, **variables))
        shown = {name: f"http://127.0.0.1:{port}/metrics" for name, port in ports.items()}
        for place in (f"{url}/health/ready", *shown.values()):
            wait_until(lambda place=place: responds(place), within_s=SOON_S, what=place)  # type: ignore[misc]
        places = (
            shown["API"],
            shown["WORKER"],
            shown["SWEEP"],
            variables["SCORELINE_REDIS_URL"],
            worker,
            shown["BULK"],
        )
        yield Measured(url, *places, folder / "var")


def scrape(url: str) -> Values:
    """Return the value of each series that is shown, by its name and labels."""
    answer = httpx2.get(url, timeout=10)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def of(values: Values, name: str, **labels: str) -> float:
    """Return the value of a series, 0 if it is not shown yet."""
    return values.get((name, tuple(sorted(labels.items()))), 0)


def submit(url: str, patients: int = 1) -> httpx2.Response:
    """Submit patients who can be told from all others as one job, and wait for it to be scored."""
    body = {"patients": [EXAMPLE | {"age": MARKED_AGE}] * patients}
    answer = httpx2.post(f"{url}/v1/jobs", json=body, headers={"Prefer": "wait=20"}, timeout=30)
    assert answer.status_code == 200
    return answer


def test_the_gateways_processes_count_together(measured: Measured) -> None:
    metrics = measured.gateway
    before = scrape(metrics)
    for _ in range(20):  # each over a connection of its own, so that either process takes some
        submit(measured.url)
    assert httpx2.post(f"{measured.url}/v1/jobs?explain=true", json=EXAMPLE).status_code == 202
    assert httpx2.post(f"{measured.url}/v1/jobs", content=b"{", headers={"Content-Type": "application/json"}).is_error
    assert httpx2.get(f"{measured.url}/v1/jobs/none").status_code == 404
    wait_for_answers(metrics, before, {"method": "GET", "route": "/v1/jobs/{id}", "status": "404"}, 1)
    wait_for_answers(metrics, before, POSTED | {"status": "200"}, 20)
    after = scrape(metrics)
    assert grown(before, after, "scoreline_http_requests_total", POSTED | {"status": "200"}) == 20
    assert grown(before, after, "scoreline_http_requests_total", POSTED | {"status": "202"}) == 1
    assert grown(before, after, "scoreline_http_requests_total", POSTED | {"status": "400"}) == 1
    assert grown(before, after, "scoreline_http_request_duration_seconds_count", POSTED) == 22
    one = {"method": "GET", "route": "/v1/jobs/{id}", "status": "404"}
    assert grown(before, after, "scoreline_http_requests_total", one) == 1
    assert grown(before, after, "scoreline_submits_total", {"verdict": "accepted"}) == 21
    assert of(after, "scoreline_waiting_clients") == 0
    assert of(after, "scoreline_processes") >= 3
    assert of(after, "process_cpu_seconds_total") > of(before, "process_cpu_seconds_total")
    assert of(after, "process_resident_memory_bytes") > 10_000_000


POSTED = {"method": "POST", "route": "/v1/jobs"}


def grown(before: Values, after: Values, name: str, labels: dict[str, str]) -> float:
    """Return by how much a series has grown."""
    return of(after, name, **labels) - of(before, name, **labels)


def wait_for_answers(metrics: str, before: Values, labels: dict[str, str], count: int) -> Values:
    """Return what is shown once so many answers more are counted, which is done for those of a moment together."""

    def shown() -> Values | None:
        after = scrape(metrics)
        return after if grown(before, after, "scoreline_http_requests_total", labels) == count else None

    return wait_until(shown, within_s=SOON_S, what=f"{count} answers to be counted")


def test_no_path_and_no_method_makes_a_series_of_its_own(measured: Measured) -> None:
    def some(count: int) -> None:
        with httpx2.Client(base_url=measured.url) as client:
            for number in range(count):
                client.get(UNKNOWN.format(number))
                client.get(f"/v1/jobs/{number}")
                client.request(f"BREW{number}", "/v1/jobs")
                client.request("DELETE", f"/v1/batches/{number}/results/{number}")

    metrics = measured.gateway
    unknown = {"method": "GET", "route": "none", "status": "404"}
    first = scrape(metrics)
    some(3)
    before = wait_for_answers(metrics, first, unknown, 3)
    some(60)
    after = wait_for_answers(metrics, before, unknown, 60)
    assert {name for name in after if "http" in name[0]} == {name for name in before if "http" in name[0]}


def test_a_worker_counts_what_it_commits(measured: Measured) -> None:
    before = scrape(measured.worker)
    version = submit(measured.url, 30).json()["scores"][0]["model_version"]
    submit(measured.url)

    def counted() -> Values | None:
        after = scrape(measured.worker)
        return after if grown(before, after, "scoreline_queue_to_commit_seconds_count", {}) == 2 else None

    after = wait_until(counted, within_s=SOON_S, what="both jobs to be counted")
    assert grown(before, after, "scoreline_scored_rows_total", {}) == 31
    assert grown(before, after, "scoreline_predicted_risk_count", {"model_version": version}) == 31
    assert grown(before, after, "scoreline_batch_rows_sum", {}) >= 31  # and canaries
    assert grown(before, after, "scoreline_scoring_duration_seconds_count", {}) >= 2
    assert 0 < grown(before, after, "scoreline_queue_to_commit_seconds_sum", {}) < SOON_S
    assert of(after, "scoreline_processes") >= 3


def test_a_file_is_counted_by_its_rows(measured: Measured) -> None:
    names = ",".join(EXAMPLE)
    good, bad = (",".join(str(value) for value in (EXAMPLE | {"age": age}).values()) for age in (MARKED_AGE, 7))
    before = scrape(measured.bulk)
    file = "\n".join([names, *[good] * 40, bad, bad, ""])
    sent = httpx2.post(f"{measured.url}/v1/batches", content=file, headers={"Content-Type": "text/csv"}, timeout=30)
    assert sent.status_code == 202
    wait_until(
        lambda: grown(before, scrape(measured.bulk), "scoreline_rejected_rows_total", {}) == 2,
        within_s=SOON_S,
        what="the file to be counted",
    )
    after = scrape(measured.bulk)
    assert grown(before, after, "scoreline_scored_rows_total", {}) == 40
    assert grown(before, after, "scoreline_queue_to_commit_seconds_count", {}) == 1
    risks = [after[series] - before.get(series, 0) for series in after if series[0] == "scoreline_predicted_risk_count"]
    assert sum(risks) == 40


def test_a_scoring_process_that_is_killed_takes_no_count_with_it(measured: Measured) -> None:
    before = after = scored_until(measured, scrape(measured.worker), submitted=10)
    files = len(files_of(measured))
    for round in range(1, 4):
        for pid in children(measured.worker_process.pid):
            os.kill(pid, signal.SIGKILL)
        after = scored_until(measured, before, submitted=1, scored=round)
    for series, value in before.items():
        if series[0].endswith(("_total", "_count", "_bucket")):
            assert after.get(series, 0) >= value, series
    assert len(files_of(measured)) <= files + 3  # one slot more, if a child came before the one it replaces went


def scored_until(measured: Measured, before: Values, submitted: int, scored: int = 0) -> Values:
    """Submit patients, and return what is shown once it tells of all that were scored since `before`.

    A job is counted right after it is committed, so its submitter may know of it first.
    """
    submit(measured.url, submitted)

    def shown() -> Values | None:
        after = scrape(measured.worker)
        return after if grown(before, after, "scoreline_scored_rows_total", {}) == (scored or submitted) else None

    return wait_until(shown, within_s=SOON_S, what="what was scored to be counted")


def files_of(measured: Measured) -> list[Path]:
    """Return the files in which the worker's processes count."""
    return list(measured.var.glob("metrics/interactive-*/*.db"))


def test_the_sweep_says_when_it_last_was(measured: Measured) -> None:
    first = of(scrape(measured.sweep), "scoreline_last_sweep_timestamp_seconds")
    wait_until(
        lambda: of(scrape(measured.sweep), "scoreline_last_sweep_timestamp_seconds") > first > 1e9,
        within_s=SOON_S,
        what="the next sweep",
    )
    assert of(scrape(measured.sweep), "scoreline_sweeps_total") > 0


def test_no_patients_value_and_no_id_is_shown(measured: Measured) -> None:
    job = submit(measured.url).json()
    for url in (measured.gateway, measured.worker, measured.sweep, measured.bulk):
        text = httpx2.get(url).text
        assert str(MARKED_AGE) not in text
        assert job["id"] not in text
        assert job["id"][:8] not in text


def test_waiting_jobs_are_read_off_the_ledger(measured: Measured) -> None:
    values = scrape(measured.gateway)
    assert of(values, "scoreline_ledger_up") == 1
    assert of(values, "scoreline_consumed_lately", queue="interactive") == 1
    assert ("scoreline_backlog_patients", (("queue", "bulk"),)) in values
    assert of(values, "scoreline_backlog_limit_patients", queue="bulk") == Settings().bulk_backlog_limit
    with Redis.from_url(measured.redis_url) as redis:
        assert of(values, "scoreline_quarantined_jobs", queue="interactive") == redis.zcard(JOBS.dead_letters)


def test_redis_is_shown_as_it_says_of_itself(measured: Measured) -> None:
    with Redis.from_url(measured.redis_url) as redis:
        redis.config_set("maxmemory", "1gb")
        before = redis.info()
        values = scrape(measured.gateway)
        after = redis.info()
    assert of(values, "scoreline_redis_memory_max_bytes") == 1 << 30
    assert 0.5 < of(values, "scoreline_redis_memory_used_bytes") / before["used_memory"] < 2
    cpu_s = of(values, "scoreline_redis_cpu_seconds_total")
    assert before["used_cpu_user"] + before["used_cpu_sys"] < cpu_s < after["used_cpu_user"] + after["used_cpu_sys"]
    assert of(values, "scoreline_redis_connected_clients") >= 2
    assert of(values, "scoreline_redis_aof_last_write_ok") == 1
