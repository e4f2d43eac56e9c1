"""A call as steps: what to send and how long to pause is decided here once; who takes the steps blocks or awaits.

A plan is a generator that yields a step and is given what came of it. It knows no socket and no clock but the
monotonic one, so that the blocking and the asynchronous client are the same but for who runs it.
"""

import json
import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from scoreline_client.errors import ScorelineError, ServiceAway, problem_of, retry_after_s

T = TypeVar("T")

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
COME_BACK = {429, 502, 503, 504}
"""Answers that mean "later": too much waits, or the service is away for a moment."""
KEY_IN_USE = "idempotency-key-in-use"


@dataclass(frozen=True, slots=True)
class Service:
    """Where the service is, and for how many seconds a call is sent again that fails for now."""

    url: str
    patience_s: float


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request, as the arguments of httpx2's `request`."""

    request: dict[str, Any]
    wait_s: float = 0
    """Seconds that the service is asked to wait before it answers."""
    body: Callable[[], Iterator[bytes]] | None = None
    """Opens the body, anew for each attempt; raises BrokenOff if it can be read only once and was."""
    sink: Callable[[int], Callable[[bytes], object]] | None = None
    """Opens, for a status, what takes the pieces of an answer that is no problem."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered; of one that went to a sink, `content` is empty. One that is not whole was cut off."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    whole: bool = True

    @property
    def good(self) -> bool:
        """Whether it is no problem."""
        return 200 <= self.status < 300


Step = Send | Pause
Steps = Generator[Step, Reply | None, T]
"""A plan: a pause is answered None, and so is a request to which nothing was answered."""


def ask(service: Service, send: Send) -> Steps[Reply]:
    """Send until there is an answer, for as long as patience lasts, and return the answer.

    Between two attempts it pauses longer each time, or as long as the service asks to. Raises ServiceAway, BrokenOff,
    and the Problem that was answered.
    """
    give_up_s, pauses = time.monotonic() + service.patience_s, make_pauses()
    while True:
        reply = yield send
        if reply and reply.good:
            return reply
        error = problem_of(reply.status, reply.headers, reply.content) if reply else None
        if error and error.status not in COME_BACK and error.problem != KEY_IN_USE:
            raise error
        pause_s = next(pauses) if reply is None else _asked_s(reply, next(pauses))
        if time.monotonic() + pause_s > give_up_s:
            raise error or ServiceAway(f"nothing answers at {service.url}: is it the right address, and does it run?")
        yield Pause(pause_s)


def ask_as(service: Service, request: dict[str, Any], read: Callable[[Any], T], wait_s: float = 0) -> Steps[T]:
    """Send, as `ask` does, and return what `read` makes of the JSON that is answered. Raises what `ask` does."""
    reply = yield from ask(service, Send(request, wait_s))
    return read_json(reply, read)


def read_json(reply: Reply, read: Callable[[Any], T]) -> T:
    """Return what `read` makes of the JSON that was answered. Raises ScorelineError where it can make nothing of it."""
    try:
        return read(json.loads(reply.content))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ScorelineError(
            "the answer is not what it should be: is this the right service, and of this version?"
        ) from None


def make_pauses() -> Iterator[float]:
    """Yield seconds to wait between attempts: longer each time, and scattered so that callers do not come at once."""
    pause_s = FIRST_PAUSE_S
    while True:
        yield pause_s * random.uniform(0.8, 1.2)  # noqa: S311 - not for secrets
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _asked_s(reply: Reply, otherwise_s: float) -> float:
    asked_s = retry_after_s(reply.headers)
    return otherwise_s if asked_s is None else asked_s
