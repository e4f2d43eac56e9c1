"""What `make up` does, one at a time in each checkout, from the first check until the gateway is ready."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from rich.console import Console

from stack.die_with_parent import die_with_parent
from stack.errors import AlreadyUp, SupervisorStopped
from stack.ports import check_ports, list_wanted, spare_prometheus
from stack.screen import Waiting, announce, report, say
from stack.settings import StackSettings
from stack.supervisor import Supervisor

ANSWER_WITHIN_S = 3

READY_WITHIN_S = 60
READY_POLL_S = 0.05
WATCH_POLL_S = 0.5
EXITS_LIMIT = 3
"""A program that ends this often before all is ready is not waited for any longer."""

KILLED_BY_USER = 130


@dataclass(frozen=True)
class Obstacle:
    """What is still waited for, in words, and the program whose log may say why it takes so long."""

    what: str
    program: str


SILENT_GATEWAY = Obstacle("the gateway to answer", "api")
UNSCORED_JOB = Obstacle("the first job to be scored", "worker")


def find_obstacle(url: str) -> Obstacle | None:
    """Return what keeps the service at `url` from being ready, or None when nothing does."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=ANSWER_WITHIN_S)
    try:
        connection.request("GET", "/health/ready")
        return None if connection.getresponse().status == 200 else UNSCORED_JOB
    except (OSError, HTTPException):
        return SILENT_GATEWAY
    finally:
        connection.close()


@contextmanager
def hold_lock(path: Path) -> Iterator[int]:
    """Hold the lock in the file at `path`, and yield its descriptor. Raises AlreadyUp if another holds it.

    A child that inherits the descriptor holds the lock too, until it ends: after an `up` that was killed, the lock is
    free only once its supervisord has ended.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyUp(_describe(int(os.read(descriptor, 20) or 0))) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield descriptor
    finally:
        os.close(descriptor)


def _describe(holder: int) -> str:
    try:
        os.kill(holder, 0)
    except ProcessLookupError:
        return "An earlier `up` of this checkout was killed and its programs are still stopping: try again in seconds."
    return f"An earlier `up` of this checkout is still running (process {holder}): use it, or stop it with Ctrl-C."


def bring_up(settings: StackSettings, console: Console) -> int:
    """Run every program until Ctrl-C or SIGTERM; return the exit code. Leaves no process behind.

    Raises OperatorError before anything is started, SupervisorStopped if programs could not be started or kept running.
    """
    die_with_parent(os.getppid())
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)  # both end in KeyboardInterrupt, also where a shell ignores one
    settings.var_folder.mkdir(parents=True, exist_ok=True)
    with hold_lock(settings.var_folder / "up.lock") as lock:
        settings = spare_prometheus(settings)
        check_ports(list_wanted(settings))
        supervisor = Supervisor(settings, lock)
        try:
            announce(settings, wait_until_ready(supervisor, settings.api_url, console), console)
            watch(supervisor, console)
        except KeyboardInterrupt:
            return stop_all(supervisor, console)
        except BaseException:
            supervisor.stop()
            raise


def wait_until_ready(supervisor: Supervisor, url: str, console: Console) -> float:
    """Wait for the gateway to be ready, showing what is waited for; return the seconds it took.

    Raises SupervisorStopped as soon as it is clear that it will not be.
    """
    with Waiting(console) as waiting:
        while obstacle := find_obstacle(url):
            waiting.show(obstacle.what)
            check_running(supervisor)
            for ended in supervisor.read_exits():
                if ended.final or supervisor.exits[ended.program] >= EXITS_LIMIT:
                    log = supervisor.quote_log(ended.program)
                    raise SupervisorStopped(f"{log}\n{ended.program} does not stay up ({ended.reason}).")
            if waiting.elapsed_s > READY_WITHIN_S:
                log = supervisor.quote_log(obstacle.program)
                raise SupervisorStopped(f"{log}\nNot ready after {READY_WITHIN_S} s of waiting for {obstacle.what}.")
            time.sleep(READY_POLL_S)
        return waiting.elapsed_s


def watch(supervisor: Supervisor, console: Console) -> NoReturn:
    """Report every program that ends, as long as supervisord runs. Raises SupervisorStopped once it does not."""
    while True:
        check_running(supervisor)
        for ended in supervisor.read_exits():
            report(ended, supervisor.log_of(ended.program), console)
        time.sleep(WATCH_POLL_S)


def check_running(supervisor: Supervisor) -> None:
    """Raise SupervisorStopped if supervisord has ended, after waiting for the programs that it left to end too."""
    if not supervisor.is_running():
        cause = supervisor.await_programs()
        raise SupervisorStopped(
            f"{cause}, and everything was stopped with it; accepted jobs go on at the next `make up`."
        )


def stop_all(supervisor: Supervisor, console: Console) -> int:
    """Stop every program, or kill them all if asked a second time; return the exit code."""
    say(console, "\nStopping ... (Ctrl-C again kills at once)")
    try:
        supervisor.stop()
    except KeyboardInterrupt:
        supervisor.kill()
        say(console, "Killed. Accepted jobs are on disk all the same: they go on at the next `make up`.")
        return KILLED_BY_USER
    say(console, "Stopped. Nothing was lost: jobs that were not done go on at the next `make up`.")
    return 0
