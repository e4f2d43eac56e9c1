"""What GitHub runs for each change is what everyone runs."""

import subprocess
import sys

import yaml

from bench.local.programs import ROOT

FOLDER = ROOT / ".github" / "workflows"


def test_a_workflow_is_what_github_takes_and_ends_in_time() -> None:
    files = sorted(map(str, FOLDER.iterdir()))
    for schema in ("vendor.github-workflows", "custom.github-workflows-require-timeout"):
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_it_runs_what_a_change_must_pass_and_nothing_else() -> None:
    steps = yaml.safe_load((FOLDER / "check.yml").read_text())["jobs"]["check"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
