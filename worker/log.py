"""Makes Celery log in the format of all other lines."""

import logging
import sys

from celery.signals import setup_logging
from celery.utils.log import get_multiprocessing_logger


def keep_log() -> None:
    """Keep Celery from configuring the log when it starts: it would give tasks and pool formats of their own.

    Also suppresses what it prints to a terminal on signals; worker/stop.py logs a line instead.
    """
    setup_logging.connect(share_log, weak=False)
    sys.__stdout__ = None  # type: ignore[misc]  # where Celery prints; it is None too if Python has no console


def share_log(**_: object) -> None:
    """Send the pool's log lines to the root logger."""
    pool = get_multiprocessing_logger()
    pool.propagate = True
    pool.setLevel(logging.WARNING)  # below that, it logs each process that it starts
