"""Ends a worker: within a bounded time once it is told to stop, and at once when it has lost a thread.

Celery's prefork pool waits for children that wait for it when a stop meets a message half handed over: for 30 s at a
warm shutdown, and for ever at a cold one, which it runs inside the signal's handler.
"""

import logging
import os
import signal
from contextlib import suppress

from billiard import active_children
from celery.signals import worker_shutting_down

from monitoring.log import line_of
from monitoring.vital import VitalThreads

STOP_WITHIN_S = 8  # above what a batch takes, below the 10 s after which container engines kill


def bound_stop() -> None:
    """Have a worker that was told to stop end within `STOP_WITHIN_S` seconds, with exit code 0.

    What is then unfinished is not lost: its leases run out, and the sweep sends it again.
    """
    signal.signal(signal.SIGALRM, cut_off)
    worker_shutting_down.connect(start_clock, weak=False)


def end_if_dead(vital: VitalThreads) -> None:
    """End this process with exit code 1 if one of its threads has died, for whoever started it to start another.

    To be called where nothing is in hand.
    """
    if vital.dead():
        os._exit(1)


def start_clock(**_: object) -> None:
    """Start the time that is left. Runs in a signal's handler, where no lock may be taken."""
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
    """Write a line of the log from a signal's handler: not by the log's own, whose lock this process may hold."""
    for handler in logging.getLogger().handlers:
        os.write(2, f"{handler.format(line_of(level, __name__, message))}\n".encode())
