"""The probe job: a job of our own that goes through queue and workers, to prove that they work while no one submits.

A ledger counts as consumed while jobs are scored; if no one submits any, the probe job is what is scored. Its messages
also advance the queue's watermark, by which the reaper knows what was lost.
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
    """Submits one probe job at a time; none while the last one has not ended."""

    def __init__(self, ledger: Ledger, send: Send, settings: Settings) -> None:
        self._ledger = ledger
        self._send = send
        self._settings = settings
        self._id: str | None = None
        self._due_s = 0.0

    def run_once(self) -> None:
        """Submit the next probe job if it is due and the last one has ended. Raises LedgerUnavailable."""
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
            log.error("the probe job %s: no worker scores; look at the workers and their log", state.value)
        with suppress(UnknownJob, ExpiredJob):  # a repeated call finds it erased
            self._ledger.erase(self._id)
        return True
