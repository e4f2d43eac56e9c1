"""The sweep: a process of its own that sends again what the queue lost. Safe to run twice at once."""

import logging
import time
from threading import Event

from contract.errors import LedgerUnavailable
from contract.ledger.callbacks import Callbacks
from contract.ledger.protocol import Ledger
from contract.queue import Send, ring, ring_for_callbacks
from contract.settings import Settings
from worker.canary import Canary

TRIM_EVERY_S = 60

log = logging.getLogger(__name__)


def sweep_until(stop: Event, ledger: Ledger, send: Send, callbacks: Callbacks, bell: Send, settings: Settings) -> None:
    """Sweep, and fly the canary, every `sweep_every_s` seconds until `stop` is set; outlives an absent ledger."""
    canary = Canary(ledger, send, settings)
    trim_due_s, away = 0.0, False
    while not stop.wait(settings.sweep_every_s):
        try:
            sweep_once(ledger, send)
            ring_for_callbacks(callbacks, bell)
            canary.fly()
            if time.monotonic() >= trim_due_s:
                ledger.trim()
                trim_due_s = time.monotonic() + TRIM_EVERY_S
        except LedgerUnavailable:
            if not away:
                log.warning("the ledger cannot be reached; the sweep goes on trying")
            away = True
        else:
            if away:
                log.warning("the ledger can be reached again")
            away = False


def sweep_once(ledger: Ledger, send: Send) -> int:
    """Send again what was lost, and return how many jobs that were. Raises LedgerUnavailable."""
    messages = ledger.sweep()
    lost = sum(len(message.ids) for message in messages)
    if lost:
        log.warning("the queue or a worker lost %d jobs; they are sent again", lost)
    ring(send, messages)
    return lost
