"""What the ledger's twin in memory knows of a job."""

from dataclasses import dataclass, field

from core.ledger.job import JobError, State
from core.schema.patient import Row
from core.schema.score import ScoreRow


@dataclass
class Record:
    """All that is known of one job; `lease_ms` is None while no worker holds it.

    `sent_ms` is when a message that names it was sent, None unless it was delivered before and is held by no one.
    `due_ms` is when its callback is due, None if it has none or is open or was told.
    """

    rows: list[Row]
    patients: int
    deadline_ms: int | None
    key: str | None
    explain: bool = False
    owner: str = ""
    model_version: str = ""
    lease_ms: int | None = None
    sent_ms: int | None = None
    state: State = State.QUEUED
    started_ms: int | None = None
    finished_ms: int | None = None
    deliveries: int = 0
    resent: int = 0
    scores: list[ScoreRow] = field(default_factory=list)
    model: str = ""
    error: JobError | None = None
    replayed_as: str | None = None
    callback: str | None = None
    due_ms: int | None = None
    notified: int = 0
    trace: str | None = None
    waiter: str = ""
