"""What a ledger promises, whatever keeps it."""

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
    """What was heard of some jobs: that they have ended or were erased, or else that they have begun.

    `answers` are those that came along, ready made; all of the same jobs is heard once more, right after, without.
    """

    ended: bool
    ids: list[str]
    answers: Mapping[str, T] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """What makes two submits the same: the caller's key and a fingerprint of the body, both as short hashes."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be written down: its id (UUIDv7, text), its patients, at least one, and if its scores are explained."""

    id: str
    rows: Sequence[Row]
    cancel_after_s: float | None = None
    idempotency: Idempotency | None = None
    explain: bool = False
    callback: str | None = None  # the URL that is told of its end
    trace: str | None = None  # the `traceparent` of its request, in our form
    by: Caller = ANYONE  # who owns it from then on
    model_version: str = ""  # the only one that may score it; empty, any may
    priority: int = USUAL_PRIORITY  # its urgency among its owner's jobs, 0 to 7, the most urgent first (RFC 9218)
    waiter: str = ""  # the gateway process that waits for it, by the name that it gives `Ledger.watch`


class SubmitStatus(StrEnum):
    """What became of one submit."""

    ACCEPTED = "accepted"  # written down
    REPLAYED = "replayed"  # written down before, under the same key with the same body
    MISMATCH = "mismatch"  # the key was used with another body
    BUSY = "busy"  # the first submit with this key is being written in this very call
    FULL = "full"  # it would exceed the backlog limit
    SHARE = "share"  # it would exceed its owner's share of the backlog
    MANY_RESULTS = "results"  # what is kept of its owner's results takes too much of the memory
    MANY_ROWS = "rows"  # its owner would have sent more rows today than the key allows
    MANY_BATCHES = "batches"  # its owner has as many open batches as the key allows
    GIVEN_UP = "lost"  # what it is about was swept from the store: an upload that took too long


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """What one call of `submit` did: a verdict and a job id for each job sent, and when, by the ledger's clock.

    `bells` is how many messages hung in the queue. Where it is `attended` none need be rung: a worker was given word.
    """

    sent_ms: int
    bells: int
    statuses: list[tuple[SubmitStatus, str]]
    attended: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job in a worker's hands until its lease ends; `suspect` if it was delivered before, and then claimed alone.

    `owner` is the key that it belongs to, empty where there is none.
    """

    id: str
    rows: list[Row]
    explain: bool = False
    suspect: bool = False
    trace: str | None = None
    owner: str = ""
    model_version: str = ""
    awaited: bool = False  # whether a gateway process waits for it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a worker made of one job: its scores and the model's version, or an error.

    If it is `awaited`, whoever waits is sent the scores themselves where they are few.
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
"""Does for others what waits of theirs; raises nothing."""


class Ledger(Protocol):
    """The promise: a job written down is never lost, ends once, and never changes after that.

    Every method raises LedgerUnavailable if the ledger does not answer; then either all of it happened or nothing did.
    Calling it again with the same arguments does no harm. Who asks `by` a key of their own sees their own jobs alone:
    to them, all others were never there. The step that does what a key asks for notes it in the audit, reading apart.
    """

    def submit(self, jobs: Sequence[NewJob]) -> SubmitResult:
        """Write down all jobs that can be accepted, in one step; each verdict is independent of the others."""

    def claim(self, message: Message, *, jobs: int = JOBS_IN_MESSAGE, attends: bool = False) -> list[Claimed]:
        """Take up to `jobs` of those that wait for one lease, going round their owners by weight.

        Of an owner's jobs the most urgent come first, and of those the oldest, of `PATIENTS_IN_MESSAGE` records in all
        unless one alone has more. A message that names a job stands for one that was delivered before: it may have
        killed its worker, and is taken only so, and alone. Counts the delivery, once for each call however often it is
        sent. A job delivered too often is quarantined instead; one past its deadline expires. Raises NewerLedger.

        Who `attends` promises to claim once more unless nothing was claimed, and to listen if all that waited was
        claimed: for a while, what is submitted is left to it.
        """

    def claim_small(self, records: int) -> list[Claimed]:
        """Take jobs as `claim` does for a turn, of so many records at most: for who holds a large one already."""

    def wants_message(self) -> bool:
        """Whether jobs wait and no message is in the queue, so that a free worker would not know of them."""

    def listen(self, within_s: float) -> bool:
        """Return once there is word of something new for those that attend, or False after `within_s` seconds."""

    def renew(self, ids: Sequence[str]) -> None:
        """Give those of the jobs that are still held a whole lease from now."""

    def finish(self, outcomes: Sequence[Outcome], pause: Pause | None = None) -> int:
        """End the jobs that have not ended yet, erase their patients, and return how many that were.

        While many scores are made into what is kept, `pause` is called now and then.
        """

    def read(self, id: str, by: Caller = ANYONE) -> Job:
        """Return the job, without its scores.

        Raises UnknownJob; UnreadableRecord; ExpiredJob if it was kept for its time and is gone; LedgerLost.
        """

    def answer(self, id: str, by: Caller = ANYONE) -> Answer:
        """Return what is answered about the job; it is small, however many scores there are. Raises as `read` does."""

    def answers(self, ids: Sequence[str]) -> dict[str, Answer]:
        """Return the answers about those of the jobs that are there and can be read, by id; many cost one call."""

    def rows(self, id: str) -> bytes:
        """Return the rows of a job that has succeeded, as JSON: for `Answer.pieces`. Raises as `read` does."""

    def state(self, id: str) -> State | None:
        """Return the job's state, or None where `read` would raise; cheaper than `read`."""

    def page(self, *, state: State | None, limit: int, after: str | None, by: Caller = ANYONE) -> Page[Job]:
        """Return up to `limit` jobs, newest first, that are older than the job `after`; without their scores."""

    def cancel(self, id: str, by: Caller = ANYONE) -> Job:
        """End the job as canceled if it has not ended, and return it as it is then. Raises as `read` does."""

    def erase(self, id: str, by: Caller = ANYONE) -> None:
        """Remove every trace of the job, whatever its state. Raises as `read` does."""

    def watch(self, stop: Event, waiter: str = "") -> Iterator[JobEvent[Answer] | None]:
        """Yield what becomes of jobs as it happens, until `stop` is set; None whenever some may have been missed.

        Of jobs that were submitted with this name of a `waiter`, up to `READY_SCORES` scores come along.
        Outlives an absent ledger; the first thing yielded is None, once it listens.
        """

    def reap(self) -> list[Message]:
        """Expire what is overdue, and return the messages to send for what workers or the queue have lost.

        A job whose lease has ended is named by a message of its own, again if that was lost. A turn is sent where jobs
        wait for a while, the queue is empty and no worker attends; no job is sent again for having waited long.
        """

    def trim(self) -> None:
        """Forget that jobs were kept whose stated time as gone has passed; they are unknown from then on."""

    def dead_letters(self, *, limit: int) -> list[Job]:
        """Return up to `limit` jobs in quarantine, newest first."""

    def replay(self, id: str, new_id: str) -> Message:
        """Make a new job of the patients of one in quarantine, and return the message to send for it.

        The old job stays failed and names the new one, which has the same owner. Raises UnknownJob if it is not there.
        """

    def drop(self, id: str) -> None:
        """Erase the patients of a job in quarantine; it stays failed. Raises UnknownJob if it is not there."""

    def load(self) -> Load:
        """Return how much is waiting, and how fast it drains."""

    def survey(self) -> QueueStats:
        """Return how the ledger stands, in one call that does not grow with it."""

    def consumed_lately(self) -> bool:
        """Whether a job was scored within `ready_for_s` seconds. Writes as it asks: it proves the ledger writable."""
