"""Ends a worker: within a bounded time after it is told to stop, and at once if one of its threads has died.

If a stop meets a message that is half handed over, Celery's prefork pool and its children wait for each other: for 30 s
at a warm shutdown, and forever at a cold one, which runs inside the signal handler.
"""

import logging
import os
import signal
from contextlib import suppress

from billiard import active_children
from celery.signals import worker_shutting_down

from monitoring.log import make_record
from monitoring.vital import VitalThreads

STOP_WITHIN_S = 8  # above what a batch takes, below the 10 s after which container engines kill


def bound_stop() -> None:
    """Make a worker that was told to stop end within `STOP_WITHIN_S` seconds, with exit code 0.

    Unfinished work is not lost: its leases run out, and the reaper sends it again.
    """
    signal.signal(signal.SIGALRM, cut_off)
    worker_shutting_down.connect(start_clock, weak=False)


def end_if_dead(vital: VitalThreads) -> None:
    """End this process with exit code 1 if one of its threads has died; its parent then starts another.

    Call it only while the process holds no work.
    """
    if vital.dead():
        os._exit(1)


def start_clock(**_: object) -> None:
    """Start the alarm that ends the worker. Runs in a signal handler, where no lock may be taken."""
    signal.alarm(STOP_WITHIN_S)
    write_line(logging.INFO, "told to stop; what is in hand is finished first")


def cut_off(*_: object) -> None:
    """End this process and its children now."""
    for child in active_children():
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
    write_line(logging.WARNING, "cut off; what was in hand is sent again when its leases run out")
    os._exit(0)


def write_line(level: int, message: str) -> None:
    """Write a log line from a signal handler, without the log's handlers, whose lock this process may hold."""
    for handler in logging.getLogger().handlers:
        os.write(2, f"{handler.format(make_record(level, __name__, message))}\n".encode())
