"""Hears that the gateway is told to stop before its server does, which would first wait for everyone who waits."""

import signal
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

STOPS = (signal.SIGTERM, signal.SIGINT)


def when_told_to_stop(act: Callable[[], None]) -> None:
    """Have `act` called when a signal tells the process to stop, and then the handler that was there before.

    Does nothing outside the main thread, where no signal arrives.
    """
    if threading.current_thread() is threading.main_thread():
        for name in STOPS:
            signal.signal(name, partial(_first, act, signal.getsignal(name)))


def _first(act: Callable[[], None], then: Any, number: int, frame: FrameType | None) -> None:
    act()
    if callable(then):
        then(number, frame)
