"""How far the ledger in Redis is, and what it has lost of what it was.

A ledger has an *epoch*, a random name that it is given once, and a *mark*, the time by the clock of Redis at which it
was last seen to have grown. Both are kept outside Redis too. A Redis without the epoch was emptied, one with an earlier
mark is older than it was; what lies between is a *loss*, an interval of the times that ids carry. Marks rise in the
script COMPARE_CHECKPOINT alone, and only after it has compared: so no job that is written down meanwhile hides a loss.
"""

from collections.abc import Callable
from datetime import datetime
from secrets import token_hex
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from redis import Redis

from core.errors import NewerLedger
from core.ids import from_ms, ms_of_id
from core.ledger.redis.keys import FORMAT, FORMAT_KEY
from core.ledger.redis.running import Scripts, raising_ledger_errors
from core.ledger.redis.scripts import COMPARE_CHECKPOINT
from core.settings import Settings

BEHIND_S = 30
"""How far a gateway's clock, by which ids are made, may be behind that of Redis, with the time that a submit takes."""

EPOCH_BYTES = 8


class Loss(BaseModel):
    """What a ledger lost: of the ids made from `since_ms` to `until_ms`, those that it does not know.

    Milliseconds since 1970; the latter is when the loss was seen, by the clock of Redis. `how` is what became of Redis.
    """

    model_config = ConfigDict(frozen=True)

    how: Literal["emptied", "older", "other"]
    since_ms: int
    until_ms: int

    @property
    def until(self) -> datetime:
        """When it was seen."""
        return from_ms(self.until_ms)

    @property
    def since(self) -> datetime:
        """From when on ids are concerned."""
        return from_ms(self.since_ms)

    def covers(self, id: str) -> bool:
        """Whether the id was made within it."""
        return self.since_ms <= ms_of_id(id) <= self.until_ms

    def __str__(self) -> str:
        return f"{self.how} {self.since_ms} {self.until_ms}"


class Checkpoint(BaseModel):
    """How far a ledger is: its epoch, when it was last seen to have grown, and the losses that are still told of."""

    model_config = ConfigDict(frozen=True)

    epoch: str
    mark_ms: int
    losses: tuple[Loss, ...] = ()

    def precedes(self, other: "Checkpoint") -> bool:
        """Whether the other is a later one of the same ledger."""
        return self.epoch == other.epoch and self.mark_ms < other.mark_ms


class Checkpoints:
    """Compares the ledger in one Redis with what is known of it, and notes there what it has lost.

    A loss is told of as long as the ids that were lost could have been answered 410 otherwise: for `result_ttl` and
    `gone_ttl` seconds. `clock` returns milliseconds since 1970 and is for tests.
    """

    def __init__(self, redis: Redis, settings: Settings, clock: Callable[[], int] | None = None) -> None:
        self._scripts = Scripts(redis)
        self._clock = clock
        self._kept_ms = 1000 * (settings.result_ttl + settings.gone_ttl)
        # Of an upload nothing is written down before its first byte.
        self._behind_ms = int(1000 * (BEHIND_S + settings.upload_idle_s))

    def compare(self, known: Checkpoint | None, *, keeps: bool = False) -> Checkpoint | None:
        """Return the checkpoint, after what was lost since the `known` one is noted; None where there is none yet.

        Who `keeps` the ledger's checkpoint names a new ledger, and marks that one has grown. Raises LedgerUnavailable.
        """
        clock = self._clock() if self._clock else ""
        epoch, mark_ms = (known.epoch, known.mark_ms) if known else ("", 0)
        losses = [part for loss in (known.losses if known else ()) for part in (str(loss), loss.until_ms)]
        bounds = (self._kept_ms, self._behind_ms)
        with raising_ledger_errors():
            found: Any = self._scripts.run(
                COMPARE_CHECKPOINT, clock, int(keeps), epoch, mark_ms, token_hex(EPOCH_BYTES), *bounds, *losses
            )
        if not found:
            return None
        here, mark, *noted = (part.decode() for part in found)
        return Checkpoint(epoch=here, mark_ms=int(mark), losses=tuple(map(read_loss, noted)))


def read_loss(text: str) -> Loss:
    """Return the loss that the text, as `str` writes it, describes."""
    how, since, until = text.split(" ")
    return Loss.model_validate({"how": how, "since_ms": since, "until_ms": until})


def adopt_format(redis: Redis) -> None:
    """Note that the ledger is of this program's format from now on, whatever older one it was of.

    Programs of an older format claim nothing from then on, if they are of 2 or later; what they wrote is moved by the
    reaper. Raises NewerLedger if it is the ledger that is newer, LedgerUnavailable if Redis does not answer.
    """
    with raising_ledger_errors():
        known = int(redis.get(FORMAT_KEY) or 0)
        if known < FORMAT:
            redis.set(FORMAT_KEY, FORMAT)
    if known > FORMAT:
        raise NewerLedger(f"The ledger is of format {known}, and this program knows {FORMAT} at most: upgrade it.")
