"""What `make up` does, one at a time in each checkout, from the first check to the last process."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from stack.errors import AlreadyUp, HouseFell
from stack.house import House
from stack.ports import check_ports, list_wanted, spare_prometheus
from stack.readiness import find_obstacle
from stack.screen import Waiting, announce, report, say
from stack.settings import StackSettings
from stack.tether import tether


@contextmanager
def hold_lock(path: Path) -> Iterator[int]:
    """Hold the lock in the file at `path`, and yield its descriptor. Raises AlreadyUp if another holds it.

    A child that inherits the descriptor holds the lock too, until it ends: so an `up` that was killed has not gone
    before its supervisord has.
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


READY_WITHIN_S = 60
READY_POLL_S = 0.05
WATCH_POLL_S = 0.5
EXITS_LIMIT = 3
"""A program that ended so often before the house was ready will not get better by itself."""

KILLED_BY_USER = 130


def bring_up(settings: StackSettings, console: Console) -> int:
    """Run the whole house until Ctrl-C or SIGTERM; return the exit code. Leaves no process behind.

    Raises OperatorError before anything is started, HouseFell if it could not be started or kept running.
    """
    tether(os.getppid())
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)  # both end in KeyboardInterrupt, also where a shell ignores one
    settings.var_folder.mkdir(parents=True, exist_ok=True)
    with hold_lock(settings.var_folder / "up.lock") as lock:
        settings = spare_prometheus(settings)
        check_ports(list_wanted(settings))
        house = House(settings, lock)
        try:
            announce(settings, wait_until_ready(house, settings.api_url, console), console)
            watch(house, console)
        except KeyboardInterrupt:
            return take_down(house, console)
        except BaseException:
            house.stop()
            raise


def wait_until_ready(house: House, url: str, console: Console) -> float:
    """Wait for the gateway to be ready, saying what for; return the seconds it took.

    Raises HouseFell as soon as it is plain that it will not be.
    """
    with Waiting(console) as waiting:
        while obstacle := find_obstacle(url):
            waiting.show(obstacle.what)
            check_standing(house)
            for ended in house.read_exits():
                if ended.final or house.exits[ended.program] >= EXITS_LIMIT:
                    log = house.quote_log(ended.program)
                    raise HouseFell(f"{log}\n{ended.program} does not stay up ({ended.reason}).")
            if waiting.elapsed_s > READY_WITHIN_S:
                log = house.quote_log(obstacle.program)
                raise HouseFell(f"{log}\nNot ready after {READY_WITHIN_S} s of waiting for {obstacle.what}.")
            time.sleep(READY_POLL_S)
        return waiting.elapsed_s


def watch(house: House, console: Console) -> NoReturn:
    """Report every program that ends, for as long as supervisord stands. Raises HouseFell when it does not."""
    while True:
        check_standing(house)
        for ended in house.read_exits():
            report(ended, house.log_of(ended.program), console)
        time.sleep(WATCH_POLL_S)


def check_standing(house: House) -> None:
    """Raise HouseFell if supervisord ended, once the programs that it left have stopped too."""
    if not house.is_standing():
        cause = house.wind_up()
        raise HouseFell(f"{cause}, and everything was stopped with it; accepted jobs go on at the next `make up`.")


def take_down(house: House, console: Console) -> int:
    """Stop the house, or kill it if asked a second time; return the exit code."""
    say(console, "\nStopping ... (Ctrl-C again kills at once)")
    try:
        house.stop()
    except KeyboardInterrupt:
        house.kill()
        say(console, "Killed. Accepted jobs are on disk all the same: they go on at the next `make up`.")
        return KILLED_BY_USER
    say(console, "Stopped. Nothing was lost: jobs that were not done go on at the next `make up`.")
    return 0
