"""README is true: its commands run, on a house that its first command started, and answer what it shows."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bench.local.conditions import wait_until
from bench.local.programs import ROOT
from core.schema.patient import EXAMPLE
from core.transport.queue import BULK, CALLBACKS, INTERACTIVE
from tests.commands import environment
from tests.e2e.up import Up

Command = tuple[str, list[str]]
CHANGES = [
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
]


def shown_commands() -> list[Command]:
    """Return each command that README shows, with the lines that it says are answered."""
    commands: list[Command] = []
    for block in re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            else:
                commands[-1][1].append(line)
    return commands


COMMANDS = shown_commands()
CALLS = [(command, answer) for command, answer in COMMANDS if not command.startswith("make ")]
PROGRAM = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
IN_PLACE = {
    ".venv/bin/scoreline": f"{sys.executable} -m scoreline_client.cli"
}  # the command needs no install to be tested


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A house that `make up` started."""
    up = Up(tmp_path_factory.mktemp("house"))
    try:
        up.start("make", "up")
        yield up
    finally:
        up.end()


def plain(text: str) -> str:
    """Return the text without what differs from run to run."""
    for pattern, word in CHANGES:
        text = pattern.sub(word, text)
    return text


def test_readme_opens_with_a_curl_and_two_commands() -> None:
    assert [command.split()[0] for command, _ in COMMANDS[:3]] == ["curl", "make", "make"]
    assert [command for command, _ in COMMANDS if command.startswith("make")] == ["make up", "make demo", "make check"]


@pytest.mark.parametrize(("command", "answer"), CALLS, ids=lambda value: str(value)[:40])
def test_a_call_answers_what_readme_shows(house: Up, command: str, answer: list[str]) -> None:
    def run() -> str | None:
        local = command.replace("http://127.0.0.1:8001", house.url)
        for installed, here in IN_PLACE.items():
            local = local.replace(installed, here)
        said = subprocess.run(  # noqa: S602 - a command of README's
            local,
            shell=True,
            cwd=ROOT,
            env=environment(SCORELINE_URL=house.url),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        lines, shown = plain(said).splitlines(), plain("\n".join(answer)).splitlines()
        return said if all(any(line.startswith(start) for line in lines) for start in shown) else None

    assert wait_until(run, within_s=10, what=f"{command[:60]} to answer as shown")


def test_the_program_of_readme_prints_the_risk_of_the_example_patient(house: Up) -> None:
    assert PROGRAM
    program = PROGRAM[1].replace("Client()", f"Client({house.url!r})")
    said = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )
    assert said.stdout == "0.17712659\n"


def test_make_demo_prints_the_risk_of_the_example_patient(house: Up) -> None:
    done = subprocess.run(["make", "demo"], cwd=ROOT, env=os.environ | house.variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "risk 0.177" in done.stdout


def test_ten_submits_show_in_flower_without_their_patients(house: Up) -> None:
    patient = EXAMPLE | {"trestbps": 123.4375, "thalach": 171.0625}
    jobs = [httpx2.post(f"{house.url}/v1/jobs", json=patient).json()["id"] for _ in range(10)]
    for id in jobs:
        wait_until(
            lambda id=id: httpx2.get(f"{house.url}/v1/jobs/{id}").json()["state"] == "succeeded",  # type: ignore[misc]
            within_s=10,
            what="the job to succeed",
        )

    def tasks() -> str | None:
        answer = httpx2.post(f"{house.flower_url}/tasks/datatable", data=FLOWER_QUERY)
        return answer.text if all(id in answer.text for id in jobs) else None

    told = wait_until(tasks, within_s=20, what="Flower to show the ten jobs")
    assert "scoreline.score" in told
    for value in ("123.4375", "171.0625", "trestbps", "cp"):
        assert f'"{value}"' not in told
        assert f" {value}" not in told


FLOWER_QUERY: dict[str, Any] = {
    "draw": 1,
    "start": 0,
    "length": 1000,
    "search[value]": "",
    "order[0][column]": 0,
    "order[0][dir]": "asc",
    "columns[0][data]": "name",
}


def test_celery_exporter_sees_who_listens_to_each_queue(house: Up) -> None:
    wanted = {f'celery_active_worker_count{{queue_name="{queue}"}} 1.0' for queue in (INTERACTIVE, BULK, CALLBACKS)}
    wanted |= {f'celery_worker_up{{hostname="{name}.{socket.gethostname()}"}} 1.0' for name in (INTERACTIVE, BULK)}

    def told() -> bool:
        return wanted <= set(httpx2.get(f"{house.exporter_url}/metrics", timeout=20).text.splitlines())

    assert wait_until(told, within_s=30, what="celery-exporter to have heard of every worker")


@pytest.mark.skipif(
    shutil.which("prometheus") is None and "CI" not in os.environ,
    reason="no `prometheus` is on the PATH, so `make up` starts none: install Debian's package of that name",
)
def test_prometheus_sees_every_program_and_has_nothing_to_alert_of(house: Up) -> None:
    def ask(call: str) -> dict[str, Any]:
        answer = httpx2.get(f"{house.prometheus_url}/api/v1/{call}", timeout=10)
        assert answer.status_code == 200
        data: dict[str, Any] = answer.json()["data"]
        return data

    def is_calm() -> bool:
        seen = {(target["labels"]["job"], target["health"]) for target in ask("targets")["activeTargets"]}
        rules = [rule for group in ask("rules")["groups"] for rule in group["rules"]]
        states = {(rule["health"], rule.get("state", "inactive")) for rule in rules}
        return seen == {(job, "up") for job in JOBS} and states == {("ok", "inactive")}

    assert house.prometheus_url in house.said()
    assert wait_until(is_calm, within_s=60, what="every target to be up, and no alert to be even pending")
    # The rule has no result before its second look, of which nothing above tells.
    [traffic] = wait_until(
        lambda: ask("query?query=job:scoreline_http_requests:rate5m")["result"], within_s=60, what="the traffic"
    )
    assert float(traffic["value"][1]) > 0


JOBS = {"api", "worker", "bulk", "sweep", "notify", "celery-exporter", "prometheus"}


def test_what_ci_runs_is_what_readme_names() -> None:
    assert "make check" in Path(ROOT / ".ci" / "run").read_text().splitlines()
