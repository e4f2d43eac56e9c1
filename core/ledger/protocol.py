"""The interface of a ledger, and its promises, whatever it is stored in."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event
from typing import Generic, Protocol, TypeVar

from core.ledger.answer import Answer
from core.ledger.job import Job, JobError, State
from core.ledger.key import ANYONE, Caller
from core.ledger.stats import Load, QueueStats
from core.schema.patient import Row
from core.schema.score import ScoreRow
from core.transport.message import JOBS_IN_MESSAGE, Message

T = TypeVar("T")

USUAL_PRIORITY = 3  # RFC 9218, section 4.1


@dataclass(frozen=True, slots=True)
class JobEvent(Generic[T]):
    """An event of some jobs: they have ended or were erased if `ended`, else they have begun.

    `answers` holds the answers that a worker sent with the event, by id. A second event follows for the same jobs,
    without answers.
    """

    ended: bool
    ids: list[str]
    answers: Mapping[str, T] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """Identifies repeated submits: the caller's key and a fingerprint of the body, both as short hashes."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be written: its id (UUIDv7, text), its records (at least one), and whether its scores are explained."""

    id: str
    rows: Sequence[Row]
    cancel_after_s: float | None = None
    idempotency: Idempotency | None = None
    explain: bool = False
    callback: str | None = None  # the URL that is called when it ends
    trace: str | None = None  # the `traceparent` of its request, in our form
    by: Caller = ANYONE  # its owner
    model_version: str = ""  # the only version that may score it; empty for any
    priority: int = USUAL_PRIORITY  # its urgency among its owner's jobs, 0 to 7, the most urgent first (RFC 9218)
    waiter: str = ""  # name of the gateway process that waits for it, as passed to `Ledger.watch`


class SubmitStatus(StrEnum):
    """The result of one submit."""

    ACCEPTED = "accepted"  # written
    REPLAYED = "replayed"  # written before, under the same key with the same body
    MISMATCH = "mismatch"  # the key was used with another body
    BUSY = "busy"  # the first submit with this key is being written in the same call
    FULL = "full"  # it would exceed the backlog limit
    SHARE = "share"  # it would exceed its owner's share of the backlog
    MANY_RESULTS = "results"  # the stored results of its owner take too much memory
    MANY_ROWS = "rows"  # its owner would send more rows today than the key allows
    MANY_BATCHES = "batches"  # its owner has as many open batches as the key allows
    GIVEN_UP = "lost"  # the upload took too long, and its files were removed from the store


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """The result of one call of `submit`: a status and a job id for each job sent, and when, by the ledger's clock.

    `notifications` is how many messages were in the queue. If `long_polled`, no message need be sent: a worker that
    long polls was woken, or will claim once more.
    """

    sent_ms: int
    notifications: int
    statuses: list[tuple[SubmitStatus, str]]
    long_polled: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that a worker holds until its lease ends; a `redelivered` one was delivered before, and is claimed alone.

    `owner` is the prefix of the API key that owns it, empty if none does.
    """

    id: str
    rows: list[Row]
    explain: bool = False
    redelivered: bool = False
    trace: str | None = None
    owner: str = ""
    model_version: str = ""
    awaited: bool = False  # whether a gateway process waits for it


@dataclass(frozen=True, slots=True)
class Outcome:
    """A worker's result of one job: its scores and the model's version, or an error.

    If it is `awaited`, the waiting gateway process is sent the scores themselves, if they are few.
    """

    id: str
    scores: list[ScoreRow] | None = None
    model_version: str = ""
    error: JobError | None = None
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some jobs or batches, newest first, and whether older ones follow."""

    items: list[T]
    has_more: bool


Pause = Callable[[], None]
"""Called now and then during long work, so that other work proceeds; raises nothing."""


class Ledger(Protocol):
    """The promise: an accepted job is never lost, ends once, and does not change after that.

    Every method raises LedgerUnavailable if the ledger does not answer; then either all of the call happened or none of
    it. Repeating a call with the same arguments does no harm. With `by`, a method sees the jobs of that caller only;
    any other job is unknown to them. Each change is written to the audit in the same step as the change; reads are not.
    """

    def submit(self, jobs: Sequence[NewJob]) -> SubmitResult:
        """Write all jobs that can be accepted, in one step; the status of each is independent of the others."""

    def claim(self, message: Message, *, jobs: int = JOBS_IN_MESSAGE, long_poll: bool = False) -> list[Claimed]:
        """Claim up to `jobs` waiting jobs for one lease, from the owners in turn, by weight.

        Within an owner, the most urgent jobs come first, then the oldest. The claimed jobs have at most
        `RECORDS_IN_MESSAGE` records in all, unless a single job has more. A job that was delivered before may have
        killed its worker: it is claimed only by a message that names it, and alone. The delivery is counted once for
        each call, however often that call is sent. A job that was delivered too often goes to the dead letters instead,
        and a job past its deadline expires. Raises NewerLedger.

        With `long_poll`, the caller promises to claim once more unless this call claims nothing, and to `listen` before
        that if this call claims all that waits. In the latter case no message is sent for new jobs for a while: they
        are left to this caller.
        """

    def claim_small(self, records: int) -> list[Claimed]:
        """Claim waiting jobs of at most so many records in all, as `claim` does, while the worker holds a large job."""

    def wants_message(self) -> bool:
        """Whether jobs wait and the queue holds no message, so that a free worker would not know of them."""

    def listen(self, within_s: float) -> bool:
        """Long poll: return True once new jobs came for a worker that long polls, False after `within_s` seconds."""

    def renew(self, ids: Sequence[str]) -> None:
        """Extend the leases of those of the jobs that are still held to a whole lease from now."""

    def finish(self, outcomes: Sequence[Outcome], pause: Pause | None = None) -> int:
        """End the jobs that have not ended yet, erase their records, and return how many that were.

        `pause` is called now and then while many scores are serialised.
        """

    def read(self, id: str, by: Caller = ANYONE) -> Job:
        """Return the job, without its scores.

        Raises UnknownJob; UnreadableRecord; ExpiredJob if its result was kept for its time and is gone; LedgerLost.
        """

    def answer(self, id: str, by: Caller = ANYONE) -> Answer:
        """Return the answer about the job, which is small however many scores there are. Raises as `read` does."""

    def answers(self, ids: Sequence[str]) -> dict[str, Answer]:
        """Return, by id, the answers about those of the jobs that exist and can be read; many ids cost one call."""

    def rows(self, id: str) -> bytes:
        """Return the score rows of a succeeded job as JSON, for `Answer.pieces`. Raises as `read` does."""

    def state(self, id: str) -> State | None:
        """Return the job's state, or None if `read` would raise; cheaper than `read`."""

    def page(self, *, state: State | None, limit: int, after: str | None, by: Caller = ANYONE) -> Page[Job]:
        """Return up to `limit` jobs, newest first, that are older than the job `after`; without their scores."""

    def cancel(self, id: str, by: Caller = ANYONE) -> Job:
        """End the job as canceled if it has not ended, and return it as it then is. Raises as `read` does."""

    def erase(self, id: str, by: Caller = ANYONE) -> None:
        """Remove every trace of the job, whatever its state. Raises as `read` does."""

    def watch(self, stop: Event, waiter: str = "") -> Iterator[JobEvent[Answer] | None]:
        """Yield the events of jobs as they happen, until `stop` is set; None whenever some may have been missed.

        The end of a job that was submitted with this `waiter` comes with its scores, if they are `READY_SCORES` at
        most. Waits while the ledger is unavailable. The first thing yielded is None, once it is subscribed.
        """

    def reap(self) -> list[Message]:
        """Expire overdue jobs, and return the messages to send for jobs that workers or the queue have lost.

        A job whose lease has ended gets a message that names it, and another if that one is lost. A message without ids
        is sent if jobs have waited for a while, the queue is empty and no worker long polls. A long wait alone is no
        reason to send a job again.
        """

    def trim(self) -> None:
        """Forget the expired jobs that have been answered 410 for their time; from then on they are unknown."""

    def dead_letters(self, *, limit: int) -> list[Job]:
        """Return up to `limit` dead-lettered jobs, newest first."""

    def replay(self, id: str, new_id: str) -> Message:
        """Make a new job of the records of a dead-lettered one, and return the message to send for it.

        The old job stays failed and names the new one, which has the same owner. Raises UnknownJob if the job is not
        among the dead letters.
        """

    def drop(self, id: str) -> None:
        """Erase the records of a dead-lettered job; it stays failed. Raises UnknownJob if it is none."""

    def load(self) -> Load:
        """Return how many records wait, and how fast they are scored."""

    def read_stats(self) -> QueueStats:
        """Return the numbers of the ledger, in one call whose cost does not grow with it."""

    def consumed_lately(self) -> bool:
        """Whether a job was scored within `ready_for_s` seconds. Also writes, to prove that the ledger is writable."""
