"""Every panel has something to show: a real Prometheus, which scrapes a house under traffic, is asked its queries."""

import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from bench.local.conditions import wait_until
from bench.local.programs import free_port, responds, start, start_python, stop
from core.schema.patient import EXAMPLE
from producer.table import read_cases
from tests.dashboards import BOARDS, QUERIES, Query, fill, variables_of
from tests.e2e.up import Up

PROMETHEUS = shutil.which("prometheus")
SOON_S = 30
WINDOW, SHOWN_S, STEP_S = "20s", 60, 5

pytestmark = pytest.mark.skipif(
    not PROMETHEUS and "CI" not in os.environ,
    reason="no `prometheus` is on the PATH, so no dashboard is asked: install Debian's package of that name",
)


class Watched(NamedTuple):
    """The API of a Prometheus that scrapes a house under traffic."""

    api: httpx2.Client

    def ask(self, call: str, **parameters: str) -> Any:
        """Return the data of Prometheus's answer. Raises AssertionError, with Prometheus's words, for an error."""
        answer = self.api.get(f"/api/v1/{call}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A house to which all happens that the dashboards tell of in good health, and a Prometheus beside it."""
    assert PROMETHEUS, "CI must have `prometheus` on the PATH"
    folder, port = tmp_path_factory.mktemp("watched"), free_port()
    house = Up(folder)
    house.variables["SCORELINE_PROMETHEUS_PORT"] = "0"
    with ExitStack() as ends:
        ends.callback(house.end)
        house.start("make", "up")
        config = write_config(folder / "prometheus.yml", house)
        where = [f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={folder / 'tsdb'}"]
        server = start(PROMETHEUS, f"--config.file={config}", *where, log=folder / "prometheus.log")
        ends.callback(stop, server)
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: responds(f"{url}/-/ready"), within_s=SOON_S, what="Prometheus to be ready")
        # A rate is that of what grew between two scrapes: so all of it happens before some, and once more behind them.
        send_lists_and_files(house.url)
        send_visitors(house.url, folder / "visitors.log")
        send_lists_and_files(house.url)
        yield Watched(ends.enter_context(httpx2.Client(base_url=url, timeout=10)))


def write_config(path: Path, house: Up) -> Path:
    """Write what Prometheus is to scrape of a house, with the jobs of monitoring/prometheus, but more often."""
    shown = ("api", "worker", "bulk", "sweep")
    ports = {name: house.variables[f"SCORELINE_{name.upper()}_METRICS_PORT"] for name in shown}
    ports["celery-exporter"] = house.variables["SCORELINE_EXPORTER_PORT"]
    jobs = [
        {
            "job_name": job,
            "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
            "scrape_interval": "3s" if job == "celery-exporter" else "1s",  # it takes two seconds to answer
        }
        for job, port in ports.items()
    ]
    path.write_text(json.dumps({"scrape_configs": jobs}))  # JSON is YAML
    return path


def send_visitors(url: str, log: Path) -> None:
    """Send some ten seconds of the producer's traffic, with its faults."""
    pace = ["--url", url, "--rate", "20", "--count", "200", "--malformed", "0.1", "--duplicates", "0.05", "--seed", "7"]
    assert start_python("producer", *pace, log=log).wait(SOON_S * 2) == 0


def send_lists_and_files(url: str) -> None:
    """Send what the producer does not: a list, a file with bad rows, and what is refused."""
    with httpx2.Client(base_url=url, timeout=30) as client:
        patients = [case.patient.model_dump(mode="json") for case in read_cases()]
        answer = client.post("/v1/jobs", json={"patients": patients}, headers={"Prefer": "wait=10"})
        assert answer.status_code == 200
        good, bad = (",".join(str(value) for value in (EXAMPLE | {"age": age}).values()) for age in (54, 7))
        file = "\n".join([",".join(EXAMPLE), *[good] * 500, bad, bad, ""])
        assert client.post("/v1/batches", content=file, headers={"Content-Type": "text/csv"}).status_code == 202
        assert client.get("/v1/jobs/none").status_code == 404
        assert client.post("/v1/jobs", json=EXAMPLE | {"age": -1}).status_code == 422


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_panel_is_not_empty(watched: Watched, query: Query) -> None:
    assert wait_until(lambda: answer(watched, query), within_s=SOON_S, what=str(query))


def answer(watched: Watched, query: Query) -> list[dict[str, Any]]:
    """Return the series that a query of a panel shows, with its variables filled in as Grafana does."""
    values = {
        name: watched.ask(f"label/{label}/values", **{"match[]": series})
        for name, (label, series) in variables_of(query.board).items()
    }
    if not all(values.values()):
        return []
    expr, now_s = fill(query.expr, values, WINDOW, f"{SHOWN_S}s"), watched.ask("query", query="time()")["result"][0]
    if query.instant:
        found = watched.ask("query", query=expr)["result"]
        found = [{"metric": series["metric"], "values": [series["value"]]} for series in found]
    else:
        times = {"start": str(now_s - SHOWN_S), "end": str(now_s), "step": str(STEP_S)}
        found = watched.ask("query_range", query=expr, **times)["result"]
    return [series for series in found if any(not math.isnan(float(value)) for _, value in series["values"])]


@pytest.mark.parametrize("uid", BOARDS)
def test_a_variable_offers_something_to_choose(watched: Watched, uid: str) -> None:
    for label, series in variables_of(uid).values():
        assert watched.ask(f"label/{label}/values", **{"match[]": series})


def test_refused_requests_are_told_by_their_status(watched: Watched) -> None:
    [query] = [query for query in QUERIES if query.title == "Refused requests (4xx)"]

    def told() -> bool:
        shown = {series["metric"].get("status"): series["values"] for series in answer(watched, query)}
        return all(any(float(value) > 0 for _, value in shown.get(status, [])) for status in ("404", "422"))

    assert wait_until(told, within_s=SOON_S, what="404 and 422 to be shown")
