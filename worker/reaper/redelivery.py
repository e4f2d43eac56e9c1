"""The rounds of the reaper, a process of its own that sends again what the queue lost. Several may run at once."""

import logging
import time
from collections.abc import Callable, Sequence
from threading import Event
from typing import Protocol

from prometheus_client import Counter

from core.errors import LedgerUnavailable
from core.transport.message import Message
from core.transport.queue import Send, notify

SELDOM_S = 60

log = logging.getLogger(__name__)

Step = Callable[[], object]
"""One step of each round; may raise LedgerUnavailable."""


class ReapableLedger(Protocol):
    """A ledger whose messages may be lost: that of jobs, or that of batches."""

    def reap(self) -> list[Message]:
        """Return the messages to send for what was lost, as `Ledger.reap` does."""


def reap_until(stop: Event, steps: Sequence[Step], every_s: float) -> None:
    """Run the steps in order every `every_s` seconds until `stop` is set; goes on if the ledger is unavailable."""
    away = False
    while not stop.wait(every_s):
        try:
            for step in steps:
                step()
        except LedgerUnavailable:
            if not away:
                log.warning("the ledger cannot be reached; the reaper goes on trying")
            away = True
        else:
            if away:
                log.warning("the ledger can be reached again")
            away = False


def do_once_a_minute(step: Step) -> Step:
    """Return the step, run at most once in `SELDOM_S` seconds however often it is called."""
    due_s = 0.0

    def when_due() -> None:
        nonlocal due_s
        if time.monotonic() >= due_s:
            step()
            due_s = time.monotonic() + SELDOM_S

    return when_due


def count_resent(reap: Callable[[], int], resent: Counter) -> Step:
    """Return a step that reaps, and counts what it sends again."""
    return lambda: resent.inc(reap())


def reap_once(ledger: ReapableLedger, send: Send) -> int:
    """Send again what was lost, and return how many jobs or parts that were. Raises LedgerUnavailable."""
    messages = ledger.reap()
    lost = sum(len(message.ids) for message in messages)
    if lost:
        log.warning("the queue or a worker lost %d jobs or parts; they are sent again", lost)
    notify(send, messages)
    return lost
