"""What is promised of callbacks, whatever keeps them."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from contract.job import State

CALLBACKS_AT_ONCE = 16  # that one message makes a notifier take


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback in a notifier's hands until its lease ends: the job or batch it is of, how and when that ended.

    `url` may hold secrets, and stays out of every log. Attempts are counted from 1. `trace` is its job's or batch's.
    """

    id: str
    url: str = field(repr=False)
    state: State
    ended_ms: int
    attempt: int
    kind: Literal["job", "batch"] = "job"
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """How many callbacks are to be delivered by now, and how many messages that say so hang in the queue."""

    callbacks: int
    bells: int


class Callbacks(Protocol):
    """The promise: a callback falls due with its job's end, and stays so until it is forgotten or its job is.

    That of a batch does as that of a job. Each of the two kinds has a keeper of its own.

    The step that ends a job is the one that makes its callback due, so that none is lost, whoever dies.
    Every method raises LedgerUnavailable if the ledger does not answer. Calling it again does no harm.
    """

    def due(self) -> Due:
        """Return how many callbacks are due."""

    def take(self) -> list[Callback]:
        """Take up to `CALLBACKS_AT_ONCE` of those due, the longest due first, and count the attempt.

        Each falls due again when its lease of thrice `callback_timeout_s` ends, unless it is put off or forgotten.
        """

    def put_off(self, id: str, wait_s: float) -> bool:
        """Have it fall due so many seconds from now; return False if its job is no longer kept by then."""

    def forget(self, id: str) -> None:
        """Have it never fall due again: it was delivered, or is not to be."""
