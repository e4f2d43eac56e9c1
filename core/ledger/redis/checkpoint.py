"""The checkpoint of the ledger in Redis, the losses that comparing it reveals, and how the server stands.

A ledger has an *epoch*, a random name that it is given once, and a *mark*, the time by the clock of Redis at which it
was last seen to have grown. Both are stored outside Redis too. A Redis without the epoch was emptied; one with an
earlier mark was set back. What lies between is a *loss*: an interval of the times that ids carry. Only the script
COMPARE_CHECKPOINT raises the mark, and only after it has compared: so no job that is written meanwhile hides a loss.
"""

from collections.abc import Callable
from datetime import datetime
from secrets import token_hex
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from redis import Redis

from core.errors import NewerLedger
from core.ids import from_ms, ms_of_id
from core.ledger.redis.keys import FORMAT, FORMAT_KEY, LOSSES
from core.ledger.redis.scripts import COMPARE_CHECKPOINT, Scripts, raising_ledger_errors
from core.ledger.stats import ServerStats
from core.settings import Settings

BEHIND_S = 30
"""How far a gateway's clock, which ids carry, may be behind that of Redis, including the time that a submit takes."""

EPOCH_BYTES = 8


class Loss(BaseModel):
    """What a ledger lost: of the ids made from `since_ms` to `until_ms`, those that it does not know.

    Both are ms since 1970; `until_ms` is when the loss was detected, by the clock of Redis. `how` is what happened to
    Redis.
    """

    model_config = ConfigDict(frozen=True)

    how: Literal["emptied", "older", "other"]
    since_ms: int
    until_ms: int

    @property
    def until(self) -> datetime:
        """When the loss was detected."""
        return from_ms(self.until_ms)

    @property
    def since(self) -> datetime:
        """The time of the first ids that may be lost."""
        return from_ms(self.since_ms)

    def covers(self, id: str) -> bool:
        """Whether the id was made within the interval."""
        return self.since_ms <= ms_of_id(id) <= self.until_ms

    def __str__(self) -> str:
        return f"{self.how} {self.since_ms} {self.until_ms}"


class Checkpoint(BaseModel):
    """The state of a ledger: its epoch, when it was last seen to have grown, and the losses that are still reported."""

    model_config = ConfigDict(frozen=True)

    epoch: str
    mark_ms: int
    losses: tuple[Loss, ...] = ()

    def precedes(self, other: "Checkpoint") -> bool:
        """Whether the other is a later checkpoint of the same ledger."""
        return self.epoch == other.epoch and self.mark_ms < other.mark_ms


class Checkpoints:
    """Compares the ledger in one Redis with a known checkpoint, and writes losses to that Redis.

    A loss is reported for as long as the lost ids would have been answered otherwise: for `result_ttl` and `gone_ttl`
    seconds. `clock` returns milliseconds since 1970 and is for tests.
    """

    def __init__(self, redis: Redis, settings: Settings, clock: Callable[[], int] | None = None) -> None:
        self._scripts = Scripts(redis)
        self._clock = clock
        self._kept_ms = 1000 * (settings.result_ttl + settings.gone_ttl)
        # An upload is first written to the ledger with its first byte.
        self._behind_ms = int(1000 * (BEHIND_S + settings.upload_idle_s))

    def compare(self, known: Checkpoint | None, *, keeps: bool = False) -> Checkpoint | None:
        """Write the losses since the `known` checkpoint, and return the current one; None if there is none yet.

        With `keeps`, a new ledger is given its epoch, and growth raises the mark. Raises LedgerUnavailable.
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
    """Return the loss that the text, written by `str`, describes."""
    how, since, until = text.split(" ")
    return Loss.model_validate({"how": how, "since_ms": since, "until_ms": until})


def adopt_format(redis: Redis) -> None:
    """Raise the ledger's format number to this program's, if it is lower.

    From then on, programs of an older format claim nothing, if that format is 2 or later; the reaper moves what they
    wrote. Raises NewerLedger if the ledger's format is newer, LedgerUnavailable if Redis does not answer.
    """
    with raising_ledger_errors():
        known = int(redis.get(FORMAT_KEY) or 0)
        if known < FORMAT:
            redis.set(FORMAT_KEY, FORMAT)
    if known > FORMAT:
        raise NewerLedger(f"The ledger is of format {known}, and this program knows {FORMAT} at most: upgrade it.")


def read_server_stats(redis: Redis) -> ServerStats:
    """Return the server's numbers, in two calls. Raises LedgerUnavailable."""
    with raising_ledger_errors():
        info = redis.info("memory", "clients", "cpu", "persistence")
        losses: Any = redis.zrange(LOSSES, -1, -1, withscores=True)
    return ServerStats(
        memory_bytes=info["used_memory"] - info["mem_not_counted_for_evict"],
        memory_limit_bytes=info["maxmemory"],
        clients=info["connected_clients"],
        cpu_s=info["used_cpu_user"] + info["used_cpu_sys"],
        aof_written=info["aof_last_write_status"] == "ok",
        last_loss_s=losses[0][1] / 1000 if losses else 0.0,
    )
