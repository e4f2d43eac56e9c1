"""docker-compose.yml keeps its rules, which needs no engine to be seen."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from bench.local.programs import ROOT
from core.connect import MONITOR_OPTIONS
from core.ledger.key import split_key
from core.settings import Settings
from core.telemetry import OFF
from tests.guarded import ROLES

TEXT = (ROOT / "docker-compose.yml").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
USERS = [f"REDIS_{role.upper()}_PASSWORD" for role in ROLES]
SECRETS = [*USERS, "FLOWER_BASIC_AUTH", "GRAFANA_USER", "GRAFANA_PASSWORD"]
FOR_PEOPLE = {"api", "flower", "grafana", "mlflow"}
USUAL_SHARES = 1024
"""The weight that the specification gives a container which names none."""

SCORED_S = 2.0
"""Seconds of a processor that a part of 4 MB takes to be scored, at most."""

CALL_OUT = FOR_PEOPLE | {"notify"}

each_service = pytest.mark.parametrize("name", SERVICES)


def test_compose_is_what_the_specification_allows() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, "docker-compose.yml"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@each_service
def test_a_container_may_do_little_and_take_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "mem_limit", "pids_limit"} <= service.keys()
    assert "build" in service or service["user"] not in ("root", "0")


@each_service
def test_a_container_says_how_it_is_and_is_started_again(name: str) -> None:
    assert {"test", "interval", "timeout", "start_period"} <= SERVICES[name]["healthcheck"].keys()
    assert SERVICES[name]["restart"] == "unless-stopped"


@each_service
def test_what_is_published_is_for_people_and_on_loopback(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert bool(ports) == (name in FOR_PEOPLE)
    assert all(re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+", port) for port in ports)


@pytest.mark.parametrize("name", ["api", "worker", "worker-bulk", "sweep", "notify"])
def test_what_we_wrote_logs_json(name: str) -> None:
    assert SERVICES[name]["environment"]["SCORELINE_LOG_FORMAT"] == "${SCORELINE_LOG_FORMAT:-json}"


@each_service
def test_who_neither_publishes_nor_calls_out_has_no_way_out(name: str) -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert ("outside" in SERVICES[name]["networks"]) == (name in CALL_OUT)


@pytest.mark.parametrize("name", [name for name in SERVICES if "scoreline-worker" in SERVICES[name]["image"]])
def test_a_worker_has_time_to_stop_softly(name: str) -> None:
    assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= 20


def test_a_bulk_worker_gives_way_to_the_others_and_cannot_be_starved_by_them() -> None:
    shares = {name: service.get("cpu_shares", USUAL_SHARES) for name, service in SERVICES.items()}
    bulk = shares.pop("worker-bulk")
    assert set(shares.values()) == {USUAL_SHARES}
    assert bulk <= USUAL_SHARES / 4
    # Where all of the others want one processor, a part is scored before its worker is killed for taking so long.
    assert SCORED_S * (bulk + sum(shares.values())) / bulk < Settings().part_limit_s


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_has_no_default_but_that_of_the_example(name: str) -> None:
    uses = re.findall(r"\$\{" + name + r"([^}]*)\}", TEXT)
    assert any(use.startswith(":?") for use in uses)
    assert all(use == "" or use.startswith(":?") for use in uses)
    assert re.search(rf"^{name}=\S+$", EXAMPLE, re.MULTILINE)


def test_there_is_no_api_key_that_everyone_knows_and_the_example_makes_one_that_fits() -> None:
    assert re.findall(r"\$\{SCORELINE_API_KEY(:.)", TEXT) == [":?"]
    assert not re.search(r"^SCORELINE_API_KEY=", EXAMPLE, re.MULTILINE)
    (make,) = re.findall(r"^#   (echo .*) >> \.env$", EXAMPLE, re.MULTILINE)
    said = subprocess.run(["sh", "-c", make], capture_output=True, text=True, check=True).stdout
    assert split_key(said.removeprefix("SCORELINE_API_KEY=").strip())


def test_the_example_names_every_variable_and_no_other() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", TEXT)) - {"TAG"}
    assert set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE)) - {"COMPOSE_PROFILES"} == used


def test_celery_exporter_gives_no_message_of_the_workers_back() -> None:
    told = SERVICES["celery-exporter"]["environment"]["CE_BROKER_TRANSPORT_OPTION"].split()
    assert dict(option.split("=") for option in told) == MONITOR_OPTIONS


def test_each_service_reaches_redis_as_the_user_of_its_role() -> None:
    urls = {name: str(service.get("environment")) for name, service in SERVICES.items()}
    users = {name: re.findall(r"redis://(\w+):\$\{REDIS_(\w+)_PASSWORD\}", url) for name, url in urls.items()}
    found = {name: user for name, ((user, _),) in ((name, user) for name, user in users.items() if user)}
    assert all(user.upper() == variable for ((user, variable),) in filter(None, users.values()))
    workers = dict.fromkeys(["worker", "worker-bulk", "sweep", "notify"], "worker")
    assert found == workers | {"api": "gateway", "flower": "flower", "celery-exporter": "exporter"}


def test_no_image_and_no_program_beside_them_tells_its_maker_of_its_use() -> None:
    base = DOCKERFILE.partition("\nFROM python:3.11-slim AS base\n")[2].partition("\nFROM ")[0]
    mlflow = (ROOT / "training" / "start_mlflow.sh").read_text()
    for name, value in OFF.items():
        assert f"{name}={value}" in base
        assert f"{name}={value}" in mlflow
    told = SERVICES["mlflow"]["environment"]
    assert all(told[name] == OFF[name] for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"))
    grafana = SERVICES["grafana"]["environment"]
    assert grafana["GF_ANALYTICS_REPORTING_ENABLED"] == grafana["GF_ANALYTICS_CHECK_FOR_UPDATES"] == "false"
    assert grafana["GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES"] == grafana["GF_NEWS_NEWS_FEED_ENABLED"] == "false"


def test_what_a_program_in_a_container_writes_is_its_users_alone() -> None:
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)
    said = subprocess.run([*json.loads(entry), "sh", "-c", "umask"], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "0077"


def test_each_image_of_ours_is_a_target_that_ends_as_nobody_special() -> None:
    targets = {service["build"]["target"] for service in SERVICES.values() if "build" in service}
    stages = {text.split("\n")[0].split()[-1]: text for text in DOCKERFILE.split("\nFROM ")}
    assert all("USER scoreline" in stages[target] for target in targets)
    assert not DOCKERFILE.startswith("# syntax")


def test_what_the_images_copy_and_nothing_else_is_sent_to_the_builder() -> None:
    copied = " ".join(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)).split()
    sent = re.findall(r"^!([^*\n]+?)(?:/\*.*)?$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert set(copied) == set(sent)
