"""`make up` as an operator lives with it: start, use, stop, start again, and kill what should not be killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from bench.local.conditions import wait_until
from bench.local.programs import ROOT
from stack.supervisor import list_members
from tests.e2e.up import GONE_WITHIN_S, READY_WITHIN_S, Up

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")

PROGRAMS = {"api", "bulk", "flower", "notify", "producer", "sweep", "valkey", "worker"}
MONITORS = {"exporter", "prometheus"}  # started where they are installed


@pytest.fixture(scope="module")
def lasting_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """An `up` for all tests, which keeps its data whatever they do to it."""
    up = Up(tmp_path_factory.mktemp("up"))
    try:
        yield up
    finally:
        up.end()


@pytest.fixture
def up(lasting_up: Up) -> Up:
    """An `up` that runs: started, unless the test before left it whole."""
    if not lasting_up.runs():
        lasting_up.start()
    return lasting_up


def run(up: Up, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m module` with the settings of a house."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | up.variables, capture_output=True, text=True)


def wait_until_scored(job: str) -> None:
    """Wait until the job at this URL has succeeded."""
    wait_until(
        lambda: httpx2.get(job).json()["state"] == "succeeded", within_s=READY_WITHIN_S, what="the job to succeed"
    )


def worker_of(supervisord: int) -> int:
    """Return the pid of the worker itself, which is not one of its children."""
    (pid,) = (pid for pid in list_members(supervisord) if is_worker(Path(f"/proc/{pid}"), supervisord))
    return pid


def is_worker(process: Path, supervisord: int) -> bool:
    """Whether a process is a Celery worker that supervisord started."""
    parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    return parent == supervisord and (process / "cmdline").read_bytes().endswith(b"worker\0run\0")


def test_what_was_accepted_outlives_ctrl_c(up: Up) -> None:
    assert {path.stem for path in (up.var / "log").iterdir()} - MONITORS == PROGRAMS
    demo = run(up, "producer", "demo")
    assert demo.returncode == 0, demo.stderr
    assert "risk 0." in demo.stdout

    job = up.submit(patients=2_000)
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(GONE_WITHIN_S) == 0
    assert list_members(up.session) == []
    assert "Nothing was lost" in up.said()

    up.start()
    wait_until_scored(job)


def test_what_up_keeps_is_its_users_alone_and_so_is_what_an_earlier_version_left_readable(up: Up) -> None:
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(GONE_WITHIN_S) == 0
    for path in [up.var, *up.var.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o055)
    up.start()
    wait_until_scored(up.submit(patients=1))
    folders = [up.var / name for name in ("log", "valkey", "prometheus", "store/batches")]
    kept = [path for folder in folders if folder.exists() for path in (folder, *folder.rglob("*"))]
    assert {"worker.log", "appendonlydir"} <= {path.name for path in kept}
    assert [path for path in kept if readable_by_others(path)] == []


def readable_by_others(path: Path) -> bool:
    """Whether anyone but its user may read, write or enter it, if it is there."""
    return path.exists() and bool(path.stat().st_mode & 0o077)


def test_a_second_up_says_that_the_first_still_runs(up: Up) -> None:
    second = run(up, "stack", "up")
    assert second.returncode == 2
    assert f"process {up.process.pid}" in second.stderr


def test_a_worker_that_is_killed_is_reported_and_started_again(up: Up) -> None:
    os.kill(worker_of(up.session), signal.SIGKILL)
    reported = "worker ended (terminated by SIGKILL) and is started again"
    wait_until(lambda: reported in up.said(), within_s=READY_WITHIN_S, what="the report")
    wait_until_scored(up.submit(patients=1))


def test_up_killed_with_9_leaves_no_process_behind(up: Up) -> None:
    up.process.send_signal(signal.SIGKILL)
    up.wait_until_gone()


def test_make_killed_with_9_leaves_no_process_behind(lasting_up: Up) -> None:
    lasting_up.end()
    lasting_up.start("make", "up").send_signal(signal.SIGKILL)
    lasting_up.wait_until_gone()


def test_supervisord_killed_with_9_leaves_no_process_behind_and_up_says_so(up: Up) -> None:
    os.kill(up.session, signal.SIGKILL)
    assert up.process.wait(GONE_WITHIN_S) == 1
    assert list_members(up.session) == []
    assert "supervisord was ended by SIGKILL" in up.said()


def test_a_second_ctrl_c_kills_at_once(up: Up) -> None:
    up.process.send_signal(signal.SIGINT)
    wait_until(lambda: "Stopping" in up.said(), within_s=READY_WITHIN_S, what="`up` to stop")
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(GONE_WITHIN_S) == 130
    assert list_members(up.session) == []
