"""The checkpoint of the ledger in Redis, and the losses that comparing it reveals.

A ledger has an *epoch*, a random name that it is given once, and a *mark*, the time by the clock of Redis at which it
was last seen to have grown. Both are stored outside Redis too. A Redis without the epoch was emptied; one with an
earlier mark was set back. What lies between is a *loss*: an interval of the times that ids carry. Only the script below
raises the mark, and only after it has compared: so no job that is written meanwhile hides a loss.
"""

from collections.abc import Callable
from datetime import datetime
from secrets import token_hex
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from redis import Redis

from core.errors import NewerLedger
from core.ledger.redis.keys import ACCEPTED, BATCHES, CHECKPOINT, FORMAT, FORMAT_KEY, JOBS, LOSSES, PARTS, TRASH
from core.ledger.redis.lua.prelude import prelude
from core.ledger.redis.record import from_ms, ms_of_id
from core.ledger.redis.running import Scripts, raising_ledger_errors
from core.settings import Settings

BEHIND_S = 30
"""How far a gateway's clock, which ids carry, may be behind that of Redis, including the time that a submit takes."""

EPOCH_BYTES = 8

# Invariant: a loss is noted once, whoever compares: after that the epoch is the known one and the mark is above the
# known one, or, if another ledger is here, that ledger names its predecessor, and when it came. An upload that was open
# at the mark may have become a batch since, so its older id widens the loss. An empty message has waiters read again.
COMPARE = f"""
local now, keeps, epoch, mark, fresh = clock(ARGV[1]), ARGV[2] == '1', ARGV[3], num(ARGV[4]), ARGV[5]
local kept, behind = num(ARGV[6]), num(ARGV[7])
local here, marked, counted, former, until_then =
  unpack(call('HMGET', '{CHECKPOINT}', 'epoch', 'mark', 'accepted', 'former', 'until'))
if not here and epoch == '' and not keeps then return {{}} end

local function earliest(since)
  for _, id in ipairs(call('ZRANGE', '{TRASH}', 0, -1)) do
    if #id == 36 and call('EXISTS', '{BATCHES.job}' .. id) == 0 then
      since = math.min(since, num(string.sub(id, 1, 8) .. string.sub(id, 10, 13), 16))
    end
  end
  return math.max(since, 0)
end

local how, since = nil, 0
if epoch ~= '' then
  if not here then how = 'emptied'
  elseif here ~= epoch then
    if former ~= epoch or num(until_then) < mark then how = 'other' end
  elseif num(marked) < mark then how, since = 'older', earliest(num(marked) - behind) end
end
if not here then here = epoch ~= '' and epoch or fresh end
for i = 8, #ARGV, 2 do call('ZADD', '{LOSSES}', ARGV[i + 1], ARGV[i]) end
if how then
  call('ZADD', '{LOSSES}', now, how .. ' ' .. since .. ' ' .. now)
  if how == 'other' then call('HSET', '{CHECKPOINT}', 'former', epoch, 'until', now) else marked = mark end
  for _, channel in ipairs({{'{JOBS.ended}', '{PARTS.ended}'}}) do call('PUBLISH', channel, '') end
end
for _, loss in ipairs(call('ZRANGE', '{LOSSES}', '-inf', now - kept, 'BYSCORE')) do call('ZREM', '{LOSSES}', loss) end
local accepted = call('GET', '{ACCEPTED}') or '0'
if how or keeps and accepted ~= counted then
  marked = math.max(now, num(marked or 0) + 1)
  call('HSET', '{CHECKPOINT}', 'epoch', here, 'mark', marked, 'accepted', accepted)
end
return {{here, tostring(marked), unpack(call('ZRANGE', '{LOSSES}', 0, -1))}}
"""


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
        self._scripts = Scripts(redis, prelude(JOBS))
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
                COMPARE, clock, int(keeps), epoch, mark_ms, token_hex(EPOCH_BYTES), *bounds, *losses
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
