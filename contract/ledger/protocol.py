"""What a ledger promises, whatever keeps it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import Event
from typing import Generic, Protocol, TypeVar

from contract.answer import Answer
from contract.job import Job, JobError, State
from contract.key import ANYONE, Caller
from contract.ledger.heard import Heard
from contract.ledger.message import Message
from contract.ledger.survey import Load, Survey
from contract.patient import Row
from contract.score import ScoreRow

T = TypeVar("T")


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
    waiter: str = ""  # the gateway process that waits for it, by the name that it gives `Ledger.watch`


class Verdict(StrEnum):
    """What became of one submit."""

    ACCEPTED = "accepted"  # written down
    REPLAYED = "replayed"  # written down before, under the same key with the same body
    MISMATCH = "mismatch"  # the key was used with another body
    BUSY = "busy"  # the first submit with this key is being written in this very call
    FULL = "full"  # it would exceed the backlog limit
    MANY_ROWS = "rows"  # its owner would have sent more rows today than the key allows
    MANY_BATCHES = "batches"  # its owner has as many open batches as the key allows
    GIVEN_UP = "lost"  # what it is about was swept from the store: an upload that took too long


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one call of `submit` did: a verdict and a job id for each job sent, and when, by the ledger's clock.

    `bells` is how many messages hung in the queue. Where it is `attended` none need be rung: a worker was given word.
    """

    sent_ms: int
    bells: int
    verdicts: list[tuple[Verdict, str]]
    attended: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job in a worker's hands until its lease ends; `suspect` if it was delivered before, and then claimed alone."""

    id: str
    rows: list[Row]
    explain: bool = False
    suspect: bool = False
    trace: str | None = None
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


class Ledger(Protocol):
    """The promise: a job written down is never lost, ends once, and never changes after that.

    Every method raises LedgerUnavailable if the ledger does not answer; then either all of it happened or nothing did.
    Calling it again with the same arguments does no harm. Who asks `by` a key of their own sees their own jobs alone:
    to them, all others were never there. The step that does what a key asks for notes it in the audit, reading apart.
    """

    def submit(self, jobs: Sequence[NewJob]) -> Receipt:
        """Write down all jobs that can be accepted, in one step; each verdict is independent of the others."""

    def claim(self, message: Message, *, ahead: int = 0, attends: bool = False) -> list[Claimed]:
        """Take the message's jobs for one lease, and up to `ahead` others of those that wait, the oldest first.

        Counts the delivery, once for each call however often it must be sent. Leaves out what has ended, what another
        worker holds, and what was delivered before: a job that may have killed its worker is taken only by a message
        of its own, and then alone. One delivered too often is quarantined instead; one past its deadline expires.

        Who `attends` promises to claim once more unless nothing was claimed, and until then to listen where it claimed
        fewer than `ahead`: for a while, what is submitted is left to it.
        """

    def listen(self, within_s: float) -> bool:
        """Return once there is word of something new for those that attend, or False after `within_s` seconds."""

    def renew(self, ids: Sequence[str]) -> None:
        """Give those of the jobs that are still held a whole lease from now."""

    def finish(self, outcomes: Sequence[Outcome]) -> int:
        """End the jobs that have not ended yet, erase their patients, and return how many that were."""

    def read(self, id: str, by: Caller = ANYONE) -> Job:
        """Return the job, without its scores. Raises UnknownJob, or ExpiredJob if it was kept its time and is gone."""

    def answer(self, id: str, by: Caller = ANYONE) -> Answer:
        """Return what is answered about the job; it is small, however many scores there are. Raises as `read` does."""

    def answers(self, ids: Sequence[str]) -> dict[str, Answer]:
        """Return the answers about those of the jobs that are there, by id; many cost one call."""

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

    def watch(self, stop: Event, waiter: str = "") -> Iterator[Heard[Answer] | None]:
        """Yield what becomes of jobs as it happens, until `stop` is set; None whenever some may have been missed.

        Of jobs that were submitted with this name of a `waiter`, up to `READY_SCORES` scores come along.
        Outlives an absent ledger; the first thing yielded is None, once it listens.
        """

    def sweep(self) -> list[Message]:
        """Expire what is overdue, and return the messages to send for what the queue has lost, or no worker has heard.

        Lost is a job whose lease has ended, or one that was never claimed although the queue has already
        delivered what was sent well after it. A queue that is merely long has lost nothing.
        """

    def trim(self) -> None:
        """Forget that jobs were kept whose stated time as gone has passed; they are unknown from then on."""

    def quarantined(self, *, limit: int) -> list[Job]:
        """Return up to `limit` jobs in quarantine, newest first."""

    def replay(self, id: str, new_id: str) -> Message:
        """Make a new job of the patients of one in quarantine, and return the message to send for it.

        The old job stays failed and names the new one, which has the same owner. Raises UnknownJob if it is not there.
        """

    def drop(self, id: str) -> None:
        """Erase the patients of a job in quarantine; it stays failed. Raises UnknownJob if it is not there."""

    def load(self) -> Load:
        """Return how much is waiting, and how fast it drains."""

    def survey(self) -> Survey:
        """Return how the ledger stands, in one call that does not grow with it."""

    def consumed_lately(self) -> bool:
        """Whether a job was scored within `ready_for_s` seconds. Writes as it asks: it proves the ledger writable."""
