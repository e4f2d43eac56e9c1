"""Has Celery's lines written as all others are."""

import logging
import sys

from celery.signals import setup_logging
from celery.utils.log import get_multiprocessing_logger


def keep_log() -> None:
    """Have Celery leave the log as it is when it starts; it would give its tasks, and its pool, forms of their own.

    What it says besides, of signals and to a terminal, stays unsaid: worker/stop.py has a line for it.
    """
    setup_logging.connect(share_log, weak=False)
    sys.__stdout__ = None  # type: ignore[misc]  # where it writes that; Python itself has none where there is no console


def share_log(**_: object) -> None:
    """Have the pool's lines go where all others go."""
    pool = get_multiprocessing_logger()
    pool.propagate = True
    pool.setLevel(logging.WARNING)  # it tells of each process that it starts
