"""Every alert fires when it should and only then, says what to do, and asks for what is really shown."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.local.programs import ROOT
from core.settings import Settings
from monitoring.listing import list_metrics
from stack.settings import StackSettings
from stack.supervisor import write_configuration

PROMTOOL = shutil.which("promtool")
MONITORING = ROOT / "monitoring"
RULES = sorted((MONITORING / "alerts").glob("*.yml"))
CASES = sorted((ROOT / "tests" / "alerts").glob("*.yml"))
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text().partition("\n## Alerts\n")[2].partition("\n## ")[0]
SEVERITIES = {"critical", "warning"}

with_promtool = pytest.mark.skipif(
    PROMTOOL is None and "CI" not in os.environ,
    reason="no `promtool` is on the PATH, so no rule is tried: install Debian's package `prometheus`",
)


def rules() -> Iterator[dict[str, Any]]:
    """Yield every rule, recording or alert."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def outcomes(alert: str) -> set[bool]:
    """Return whether the cases of an alert have it fire."""
    tests = [test for path in CASES for test in yaml.safe_load(path.read_text())["tests"]]
    cases = [case for test in tests for case in test["alert_rule_test"] if case["alertname"] == alert]
    return {bool(case["exp_alerts"]) for case in cases}


def try_out(*arguments: str | Path) -> None:
    """Run promtool, and show what it says if it is not content."""
    assert PROMTOOL, "CI must have `promtool` on the PATH: Debian's package `prometheus` has it"
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@with_promtool
def test_promtool_takes_the_configuration_of_compose() -> None:
    try_out("check", "config", "--syntax-only", MONITORING / "prometheus" / "prometheus.yml")  # its rules are mounted


@with_promtool
def test_promtool_takes_the_configuration_of_make_up_and_the_rules(tmp_path: Path) -> None:
    path = tmp_path / "prometheus.yml"
    write_configuration(StackSettings(), path)
    try_out("check", "config", path)
    try_out("check", "rules", "--lint-fatal", *RULES)


@with_promtool
@pytest.mark.parametrize("cases", CASES, ids=lambda path: str(path.stem))
def test_each_alert_fires_when_it_should_and_only_then(cases: Path) -> None:
    try_out("test", "rules", cases)


def test_both_configurations_scrape_the_same_jobs(tmp_path: Path) -> None:
    path = tmp_path / "prometheus.yml"
    write_configuration(StackSettings(metrics_host="::1"), path)
    on_one_machine, in_compose = (
        yaml.safe_load(file.read_text()) for file in (path, MONITORING / "prometheus" / "prometheus.yml")
    )
    jobs = [[job["job_name"] for job in config["scrape_configs"]] for config in (on_one_machine, in_compose)]
    assert jobs[0] == jobs[1]
    shown = {job["job_name"]: job.get("static_configs") for job in on_one_machine["scrape_configs"]}
    assert (shown["api"], shown["worker"]) == ([{"targets": ["[::1]:9800"]}], [{"targets": ["[::1]:9801"]}])
    [api] = [job for job in in_compose["scrape_configs"] if job["job_name"] == "api"]
    assert api["dns_sd_configs"][0]["port"] == Settings().api_metrics_port


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_case_that_fires_and_one_that_does_not(alert: str) -> None:
    assert outcomes(alert) == {True, False}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_how_bad_it_is_and_where_to_read_on(alert: str) -> None:
    assert ALERTS[alert]["labels"]["severity"] in SEVERITIES
    assert set(ALERTS[alert]["annotations"]) == {"summary", "description", "runbook"}
    assert ALERTS[alert]["annotations"]["runbook"] == "docs/runbook.md#alerts"


def test_the_runbook_has_a_line_on_every_alert_and_on_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| .+ \| .+ \| .+ \|$", RUNBOOK, re.MULTILINE)
    assert sorted(rows) == sorted((alert, rule["labels"]["severity"]) for alert, rule in ALERTS.items())


def test_no_rule_asks_for_a_metric_that_nobody_shows() -> None:
    known = {metric.name for metric in list_metrics()}
    known |= {f"{metric.name}_bucket" for metric in list_metrics() if metric.type == "histogram"}
    named = {name for rule in rules() for name in re.findall(r"(?<![\w:])scoreline_\w+", rule["expr"])}
    assert named - known == set()
