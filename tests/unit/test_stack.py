"""What the stack promises before it starts anything, and about what it leaves behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from pydantic import SecretStr
from rich.console import Console

from bench.local.conditions import wait_until
from bench.local.programs import ROOT, free_port
from core.errors import OperatorError
from core.transport.queue import NOTIFY, SCORE, SCORE_PARTS
from stack.die_with_parent import PARENT
from stack.errors import AlreadyUp, PortUnusable
from stack.ports import Wanted, check_ports, list_wanted, spare_prometheus
from stack.screen import say
from stack.settings import StackSettings
from stack.supervisor import EXIT, end_session, list_members, make_environment
from stack.up import hold_lock
from tests.receiver import SECRET

SOON_S = 10
TIED_SLEEP = [sys.executable, "-m", "stack.die_with_parent", "sleep", "1000"]
PARENT_OF_ONE = f"import subprocess; child = subprocess.Popen({TIED_SLEEP}); child.wait()"

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that something listens on."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield door.getsockname()[1]


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[bytes]]:
    """A process, leader of a session of its own, with one child that dies with it."""
    with subprocess.Popen([sys.executable, "-c", PARENT_OF_ONE], cwd=ROOT, start_new_session=True) as process:
        # Only once the child has become `sleep` does it surely die with its parent.
        wait_until(lambda: "sleep" in commands_of(process.pid), within_s=SOON_S, what="the child to start")
        yield process
        end_session(process.pid, patience_s=0)


def commands_of(session: int) -> list[str]:
    """Return the names of the commands that run in a session."""
    return [Path(f"/proc/{pid}/comm").read_text().strip() for pid in list_members(session)]


def test_a_taken_port_is_named_with_who_wants_it_and_how_to_move_it(taken_port: int) -> None:
    with pytest.raises(PortUnusable) as caught:
        check_ports([Wanted(taken_port, "127.0.0.1", "the gateway", "SCORELINE_API_PORT")])
    sentence = str(caught.value)
    assert f"Port {taken_port} " in sentence
    assert "the gateway" in sentence
    assert "SCORELINE_API_PORT" in sentence


def test_a_port_wanted_twice_names_both_and_how_to_move_either() -> None:
    port = free_port()
    with pytest.raises(PortUnusable, match=r"the gateway and Flower.*SCORELINE_API_PORT or SCORELINE_FLOWER_PORT"):
        check_ports(list_wanted(StackSettings(api_port=port, flower_port=port)))


def test_a_free_port_is_fine_and_left_free() -> None:
    port = free_port()
    check_ports([Wanted(port, "127.0.0.1", "the gateway", "SCORELINE_API_PORT")])
    socket.create_server(("127.0.0.1", port)).close()


def test_up_ends_with_2_and_one_sentence_when_a_port_is_taken(taken_port: int, tmp_path: Path) -> None:
    variables = {"SCORELINE_API_PORT": str(taken_port), "SCORELINE_VAR": str(tmp_path)}
    command = [sys.executable, "-m", "stack", "up"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(taken_port) in done.stderr
    assert not (tmp_path / "log").exists()


def test_the_port_of_the_embedded_server_does_not_matter_where_redis_is_named() -> None:
    named = StackSettings(redis_url="redis://elsewhere:6379/0")
    assert "SCORELINE_VALKEY_PORT" not in [want.variable for want in list_wanted(named)]
    assert make_environment(named)["STACK_EMBEDDED"] == "false"


def test_all_programs_find_the_embedded_server_where_it_is() -> None:
    moved = StackSettings(valkey_port=7000)
    variables = make_environment(moved)
    assert (variables["STACK_EMBEDDED"], variables["SCORELINE_VALKEY_PORT"]) == ("true", "7000")
    assert moved.redis_url == "redis://127.0.0.1:7000/0"


def test_a_notifier_is_started_only_where_callbacks_can_be_signed() -> None:
    assert make_environment(StackSettings())["STACK_CALLBACKS"] == "false"
    assert make_environment(StackSettings(callback_secret=SecretStr(SECRET)))["STACK_CALLBACKS"] == "true"


def test_where_nothing_is_measured_nobody_looks_on() -> None:
    variables = make_environment(StackSettings(metrics=False))
    assert (variables["STACK_EXPORTER"], variables["STACK_PROMETHEUS"]) == ("false", "false")


def test_celery_exporter_looks_where_the_queue_is() -> None:
    variables = make_environment(StackSettings(redis_url="sentinel://one:1;sentinel://two:2/0", redis_master="heart"))
    assert variables["CE_BROKER_URL"] == "sentinel://one:1;sentinel://two:2/0"
    assert "master_name=heart" in variables["CE_BROKER_TRANSPORT_OPTION"].split()


def test_a_prometheus_that_has_the_port_already_is_left_alone_unless_the_port_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prometheus").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    unchosen = StackSettings()
    chosen = StackSettings(prometheus_port=unchosen.prometheus_port)
    with ExitStack() as door:
        with suppress(OSError):  # another may well have it
            door.enter_context(socket.create_server(("127.0.0.1", unchosen.prometheus_port)))
        assert make_environment(spare_prometheus(unchosen))["STACK_PROMETHEUS"] == "false"
        with pytest.raises(PortUnusable, match="SCORELINE_PROMETHEUS_PORT"):
            check_ports([want for want in list_wanted(spare_prometheus(chosen)) if want.program == "Prometheus"])


def test_flower_knows_every_task() -> None:
    command = [sys.executable, "-c", "from worker.entry import app; print(*app.tasks)"]
    tasks = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert {task for task in tasks if not task.startswith("celery.")} == {SCORE, SCORE_PARTS, NOTIFY}


def test_a_port_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORELINE_VALKEY_PORT", "valkey")
    with pytest.raises(OperatorError, match="SCORELINE_VALKEY_PORT"):
        StackSettings.read()


def test_what_cannot_be_printed_for_want_of_room_is_left_out() -> None:
    full = Path("/dev/full").open("w")  # noqa: SIM115 - it cannot be closed well: it refuses each write as a full disk does
    say(Console(file=full), "valkey ended")
    with suppress(OSError):
        full.close()


def test_a_second_up_is_told_which_process_is_the_first(tmp_path: Path) -> None:
    path = tmp_path / "up.lock"
    with hold_lock(path), pytest.raises(AlreadyUp, match=f"process {os.getpid()}"), hold_lock(path):
        pass
    with hold_lock(path):
        pass


@on_linux
def test_a_program_that_dies_with_its_parent_does_not_outlive_it(parent: subprocess.Popen[bytes]) -> None:
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not list_members(parent.pid), within_s=SOON_S, what="the child to end")


@on_linux
def test_a_program_that_should_die_with_a_parent_that_is_gone_is_not_started() -> None:
    another = {PARENT: str(os.getppid())}
    command = [sys.executable, "-m", "stack.die_with_parent", "echo", "started"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | another, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""


@on_linux
def test_ending_a_session_ends_every_process_in_it(parent: subprocess.Popen[bytes]) -> None:
    assert len(list_members(parent.pid)) == 2
    end_session(parent.pid, patience_s=0)
    assert list_members(parent.pid) == []


@pytest.mark.parametrize(
    ("line", "program", "reason"),
    [
        ("2026-01-01 INFO exited: worker (exit status 1; not expected)", "worker", "exit status 1"),
        ("2026-01-01 WARN exited: api (terminated by SIGKILL; not expected)", "api", "terminated by SIGKILL"),
        ("2026-01-01 INFO gave up: flower entered FATAL state, too many start retries too quickly", "flower", None),
    ],
)
def test_a_program_that_ended_is_read_off_what_supervisord_writes(line: str, program: str, reason: str | None) -> None:
    found = EXIT.search(line)
    assert found is not None
    assert (found["program"], found["reason"]) == (program, reason)
