"""The canary: a job of our own that travels the whole road, so that a silent queue still proves itself open.

A ledger counts as consumed from while jobs are scored; when no one submits any, the canary is the one that is.
Its messages also carry the queue's clock forward, by which the sweep knows what was lost.
"""

import logging
import time
from contextlib import suppress

from core.errors import ExpiredJob, UnknownJob
from core.ids import probe_job_id
from core.ledger.protocol import Ledger, NewJob
from core.schema.patient import EXAMPLE, Patient
from core.settings import Settings
from core.transport.queue import Send, submit

log = logging.getLogger(__name__)


class ProbeJob:
    """One canary at a time; nothing is sent while the last one has not ended."""

    def __init__(self, ledger: Ledger, send: Send, settings: Settings) -> None:
        self._ledger = ledger
        self._send = send
        self._settings = settings
        self._id: str | None = None
        self._due_s = 0.0

    def run_once(self) -> None:
        """Send the next canary when its time has come and the last is home. Raises LedgerUnavailable."""
        if time.monotonic() < self._due_s or not self._has_ended():
            return
        job = NewJob(
            probe_job_id(), [Patient.model_validate(EXAMPLE).to_row()], cancel_after_s=self._settings.ready_for_s
        )
        submit(self._ledger, self._send, [job], by_queue=True)
        self._id, self._due_s = job.id, time.monotonic() + self._settings.canary_every_s

    def _has_ended(self) -> bool:
        state = self._ledger.state(self._id) if self._id else None
        if self._id is None or state is None:
            return True
        if not state.ended:
            return False
        if state != "succeeded" and not self._ledger.consumed_lately():
            log.error("the canary %s: no worker scores; look at the workers and their log", state.value)
        with suppress(UnknownJob, ExpiredJob):  # a call that must be sent twice finds it gone
            self._ledger.erase(self._id)
        return True
