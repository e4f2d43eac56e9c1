"""What the producer displays: how many were sent, and their results, on one line of a terminal, or in a log."""

import logging
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console

from core.ledger.job import Job

RECENT = 100
ENOUGH = 10
"""Means are of the last `RECENT` values, and shown once there are `ENOUGH`."""

LOG_EVERY_S = 10

log = logging.getLogger("producer")


@dataclass
class Totals:
    """How many patients were sent, and their results."""

    sent: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    malformed: int = 0
    malformed_refused: int = 0
    twice: int = 0
    seen_once: int = 0
    put_off: int = 0
    """How often the service answered 429."""
    labels: int = 0
    last_s: float = 0
    sent_at_s: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    risks: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def begin(self) -> None:
        """Count a patient that is sent now."""
        self.sent += 1
        self.sent_at_s.append(time.monotonic())

    def count(self, job: Job) -> None:
        """Count a job that ended; its time from acceptance to result is by the service's clock."""
        self.ended[job.state.value] += 1
        self.risks.extend(score.risk for score in job.scores or ())
        if job.finished_at:
            self.last_s = (job.finished_at - job.accepted_at).total_seconds()

    @property
    def rate(self) -> float:
        """Patients per second of late, or 0 while there are too few."""
        passed_s = self.sent_at_s[-1] - self.sent_at_s[0] if len(self.sent_at_s) >= ENOUGH else 0
        return (len(self.sent_at_s) - 1) / passed_s if passed_s else 0

    def __str__(self) -> str:
        ended = "".join(f", {count} {state}" for state, count in sorted(self.ended.items()))
        parts = [f"{self.sent} sent{ended}, {self.sent - self.ended.total()} waiting"]
        if self.malformed:
            parts.append(f"{self.malformed} malformed, {self.malformed_refused} of them refused")
        if self.twice:
            parts.append(f"{self.twice} sent twice, {self.seen_once} of them seen once")
        if self.put_off:
            parts.append(f"{self.put_off} told to wait")
        if self.labels:
            parts.append(f"{self.labels} angiograms known")
        if self.rate:
            parts.append(f"{self.rate:,.1f} a second")
        if len(self.risks) >= ENOUGH:
            parts.append(f"mean risk {sum(self.risks) / len(self.risks):.2f}")
        if self.last_s:
            parts.append(f"the last was scored in {1000 * self.last_s:.0f} ms")
        return "; ".join(parts)


class Screen:
    """Displays the totals while its context is open: on a status line of a terminal, or else in the log."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("starting") if console.is_terminal else None
        self._logged_s = time.monotonic()

    def show(self, totals: Totals) -> None:
        """Display the totals."""
        if self._status:
            self._status.update(str(totals))
        elif time.monotonic() >= self._logged_s + LOG_EVERY_S:
            self._logged_s = time.monotonic()
            log.info("%s", totals)

    def report(self, sentence: str) -> None:
        """Print a sentence about a single event."""
        if self._status:
            self._console.print(sentence, markup=False, highlight=False)
        else:
            log.info("%s", sentence)

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()
