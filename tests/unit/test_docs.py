"""What the documents list is all there is."""

import re

import pytest

from api.http.problem import STATUS
from bench.local.programs import ROOT
from cli.app import make_app
from cli.configuration import Configuration
from core.settings import Settings
from monitoring.listing import Listed, list_metrics
from monitoring.log import FIELDS

SETTINGS = (ROOT / "docs" / "settings.md").read_text()
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
CLI = (ROOT / "docs" / "cli.md").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    default, description = getattr(Settings(), name), Settings.model_fields[name].description
    assert f"| `SCORELINE_{name.upper()}` | `{default}` | {description} |" in SETTINGS


@pytest.mark.parametrize("name", Configuration.model_fields)
def test_every_setting_of_the_command_line_is_documented(name: str) -> None:
    described = Configuration.model_fields[name].description
    row = rf"^\| `--{name.replace('_', '-')}` \| `SCORELINE_{name.upper()}` \| .* \| {re.escape(described or '')} \|$"
    assert re.search(row, CLI, re.MULTILINE)


def test_every_command_is_documented() -> None:
    commands = [command.callback.__name__ for command in make_app().registered_commands if command.callback]
    assert [name for name in commands if f"`scoreline {name}" not in CLI] == []
    assert len(commands) == 12


@pytest.mark.parametrize("error", STATUS, ids=lambda error: str(error.__name__))
def test_every_problem_is_documented_under_its_status(error: type[Exception]) -> None:
    rows = [row for row in API.splitlines() if row.startswith(f"| {STATUS[error].value} |")]  # type: ignore[index]
    assert any(f"`{error.code}`" in row for row in rows)  # type: ignore[attr-defined]


def test_no_document_names_a_setting_that_is_none() -> None:
    known = {f"SCORELINE_{name.upper()}" for name in (*Settings.model_fields, *Configuration.model_fields)}
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        assert set(re.findall(r"SCORELINE_[A-Z_]+[A-Z]", path.read_text())) - known == set(), path


@pytest.mark.parametrize("metric", list_metrics(), ids=lambda metric: str(metric.name))
def test_every_metric_is_documented_as_it_is_declared(metric: Listed) -> None:
    assert str(metric) in RUNBOOK.splitlines()


def test_no_document_names_a_metric_that_is_none() -> None:
    known = {metric.name for metric in list_metrics()}
    named = set(re.findall(r"^\| `((?:scoreline|process)_[a-z_]+)`", RUNBOOK, re.MULTILINE))
    assert named == known


def test_every_field_of_a_line_of_the_log_is_documented_in_its_order() -> None:
    table = RUNBOOK.partition("## Logs")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)) == FIELDS
