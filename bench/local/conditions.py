"""Waits on conditions, so that nothing sleeps for a time that it hopes is long enough."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_S = 0.01


def wait_until(condition: Callable[[], T | None], *, within_s: float, what: str) -> T:
    """Return the condition's first truthy value. Raises AssertionError naming `what` after `within_s` seconds."""
    end_s, pause = time.monotonic() + within_s, threading.Event()
    while not (value := condition()):
        if time.monotonic() > end_s:
            raise AssertionError(f"waited {within_s} s in vain for {what}")
        pause.wait(LOOK_EVERY_S)
    return value
