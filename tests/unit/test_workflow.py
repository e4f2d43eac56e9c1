"""What GitHub runs for each change, and what a commit runs, is what everyone runs."""

import re
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


def test_the_hooks_of_a_commit_run_every_linter_of_make_lint_from_this_environment() -> None:
    [repo] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    recipe = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    linters = re.findall(r"^\t@\$\(BIN\)/(.+?)(?: \.)?$", recipe, re.MULTILINE)
    entries = [hook["entry"].removesuffix(" --force-exclude") for hook in repo["hooks"]]
    assert repo["repo"] == "local"
    assert {hook["language"] for hook in repo["hooks"]} == {"system"}
    assert entries == [f".venv/bin/{linter}" for linter in linters]
    assert len(entries) == 4
    for hook in repo["hooks"]:  # what looks at one file is given the changed ones, the others all files
        assert hook.get("pass_filenames", True) is ("ruff" in hook["entry"])
        assert hook["id"], hook["name"]
