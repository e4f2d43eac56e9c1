"""supervisord.conf and docker-compose.yml are what the list of programs makes of them, and their other parts agree."""

import re
import shlex
from configparser import RawConfigParser

import pytest
import yaml

from bench.local.programs import ROOT
from stack.files import render_compose, render_supervisord
from stack.program import Program
from stack.programs import PROGRAMS

COMPOSE = (ROOT / "docker-compose.yml").read_text()
SUPERVISORD = (ROOT / "supervisord.conf").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]
COMMANDS = {program.name: program.command for program in PROGRAMS}
RENEW = "the list of programs has changed: run `make programs`"


def test_both_files_are_what_the_list_makes_of_them() -> None:
    assert render_supervisord(SUPERVISORD) == SUPERVISORD, RENEW
    assert render_compose(COMPOSE) == COMPOSE, RENEW


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: str(program.name))
def test_supervisord_reads_each_command_as_it_is_listed(program: Program) -> None:
    parser = RawConfigParser(inline_comment_prefixes=(";", "#"))  # as supervisord does
    parser.read_string(SUPERVISORD)
    words = shlex.split(parser[f"program:{program.name}"]["command"])
    listed = shlex.split(program.command)
    assert words == ["python", "-m", "stack.die_with_parent", *["nice"] * program.is_nice, *listed]


def test_every_service_that_is_written_by_hand_is_of_an_image_that_others_make_or_for_training() -> None:
    listed = {program.container.service for program in PROGRAMS if program.container}
    assert SERVICES.keys() - listed == {"redis", "celery-exporter", "prometheus", "grafana", "mlflow"}


def test_redis_in_its_container_keeps_what_the_embedded_server_keeps() -> None:
    (options,) = re.findall(r"--appendonly .*", COMMANDS["valkey"])
    assert options in SERVICES["redis"]["command"]


def test_celery_exporter_in_its_container_has_the_options_that_it_has_beside_it() -> None:
    options = re.findall(r" --([a-z-]+)=?(\S*)", COMMANDS["exporter"])
    listed = {f"CE_{name.upper().replace('-', '_')}": value or "true" for name, value in options}
    environment = {name: str(value) for name, value in SERVICES["celery-exporter"]["environment"].items()}
    assert listed.items() - environment.items() <= {("CE_HOST", "127.0.0.1"), ("CE_PORT", listed["CE_PORT"])}
