"""What the documents list is all there is."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from bench.local.programs import ROOT
from core.errors import ScorelineError
from core.settings import Settings
from monitoring.listing import Listed, list_metrics
from monitoring.log import FIELDS
from scoreline_client.cli.app import make_app
from scoreline_client.cli.session import Configuration
from tests.answered_errors import ANSWERED_ERRORS

SETTINGS = (ROOT / "docs" / "settings.md").read_text()
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
CLI = (ROOT / "docs" / "cli.md").read_text()
OF_COMMAND_LINE = {setting.name: setting.metadata["description"] for setting in fields(Configuration)}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    default, description = getattr(Settings(), name), Settings.model_fields[name].description
    assert f"| `SCORELINE_{name.upper()}` | `{default}` | {description} |" in SETTINGS


@pytest.mark.parametrize("name", OF_COMMAND_LINE)
def test_every_setting_of_the_command_line_is_documented(name: str) -> None:
    described = re.escape(OF_COMMAND_LINE[name])
    row = rf"^\| `--{name.replace('_', '-')}` \| `SCORELINE_{name.upper()}` \| .* \| {described} \|$"
    assert re.search(row, CLI, re.MULTILINE)


def test_every_command_is_documented() -> None:
    commands = [command.callback.__name__ for command in make_app().registered_commands if command.callback]
    assert [name for name in commands if f"`scoreline {name}" not in CLI] == []
    assert len(commands) == 12


@pytest.mark.parametrize("error", ANSWERED_ERRORS, ids=lambda error: str(error.__name__))
def test_every_problem_is_documented_under_its_status(error: type[ScorelineError]) -> None:
    rows = [row for row in API.splitlines() if row.startswith(f"| {error.status} |")]
    assert any(f"`{error.code}`" in row for row in rows)


def test_no_document_names_a_setting_that_is_none() -> None:
    known = {f"SCORELINE_{name.upper()}" for name in (*Settings.model_fields, *OF_COMMAND_LINE)}
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


DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def anchors_of(page: Path) -> set[str]:
    """Return what GitHub has the headings of a page be called in links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_documents_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!\w+:)([^)\s]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


STEPS = re.findall(r"`([\w/]+\.py):\s+([\w.]+)`", (ROOT / "docs" / "architecture.md").read_text())


@pytest.mark.parametrize(("file", "name"), STEPS, ids=lambda value: str(value))
def test_each_step_of_the_architecture_is_where_it_says(file: str, name: str) -> None:
    scope: ast.AST = ast.parse((ROOT / file).read_text())
    for part in name.split("."):
        found = [node for node in ast.iter_child_nodes(scope) if part in names_of(node)]
        assert found, f"{file} has no {name}"
        scope = found[0]


def names_of(node: ast.AST) -> list[str]:
    """Return what a statement gives a name to."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def test_the_glossary_of_the_architecture_is_short() -> None:
    table = (ROOT / "docs" / "architecture.md").read_text().partition("## Glossary")[2].partition("\n## ")[0]
    words = [word for row in re.findall(r"^\| ([a-z][^|]+) \|", table, re.MULTILINE) for word in row.split(", ")]
    assert 15 <= len(words) - 1 <= 25  # without the head of the table


@pytest.mark.parametrize("page", [ROOT / "CONTRIBUTING.md", ROOT / "README.md"], ids=lambda page: str(page.name))
def test_every_path_of_ours_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(r"`([a-z_.]+/[\w./-]*)`", page.read_text())
    assert [path for path in named if not (ROOT / path).exists() and not path.startswith("GET")] == []
    assert named


def test_readme_lists_the_folders_that_there_are() -> None:
    layout = (ROOT / "README.md").read_text().partition("```text\ncore/")[2].partition("```")[0]
    folders = {"core", *re.findall(r"^([a-z]+)/ ", layout, re.MULTILINE)}
    apart = {"var", "__pycache__"}  # made by `make up`; Python's own
    # What Python left behind where a folder was, before it moved, is no folder of ours.
    ours = (path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
    there = {path.name for path in ours if any(one.is_file() and one.suffix != ".pyc" for one in path.rglob("*"))}
    assert folders == there - apart
    for program in ("api", "core"):
        below = re.search(rf"^{program}/.*\n  ((?:[a-z]+/ ?)+)", "core/" + layout, re.MULTILINE)
        assert below, program
        packages = {path.parent.name for path in (ROOT / program).glob("*/__init__.py")}
        assert {name.strip("/") for name in below[1].split()} == packages
