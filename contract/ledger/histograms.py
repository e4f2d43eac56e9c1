"""What workers tell of the model that they serve, and of the patients whom it scored: its card, and histograms.

None of it is needed for any job, and losing it loses none.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis import Redis

from contract.ledger.asking import asking
from contract.ledger.keys import CARD, HISTOGRAMS, REFUSED, SERVED
from contract.ledger.record import from_ms
from contract.ledger.running import Scripts

HOURS_KEPT = 7 * 24  # a week: its days differ in who comes
HOUR_S = 3_600
TTL_S = (HOURS_KEPT + 1) * HOUR_S
CARD_TTL_S = TTL_S + HOUR_S  # so that what is counted can be told of
REFUSED_TTL_S = 180  # three times as long as it takes a worker to say so again

CLOCK = """
local function seconds()
  return ARGV[1] ~= '' and math.floor(ARGV[1] / 1000) or tonumber(redis.call('TIME')[1])
end
"""

ADD = f"""
local key = '{HISTOGRAMS}' .. ARGV[2] .. ':' .. math.floor(seconds() / {HOUR_S})
for place = 3, #ARGV, 2 do redis.call('HINCRBY', key, ARGV[place], ARGV[place + 1]) end
redis.call('EXPIRE', key, {TTL_S})
"""

# Added up here: of a day, a client would have two thousand counts to read. Of more than that, jobs would have to wait.
AT_ONCE_HOURS = 24
READ = f"""
local now = seconds()
local last, sums, flat = math.floor(now / {HOUR_S}) - ARGV[3], {{}}, {{}}
for hour = last - ARGV[4] + 1, last do
  local found = redis.call('HGETALL', '{HISTOGRAMS}' .. ARGV[2] .. ':' .. hour)
  for place = 1, #found, 2 do sums[found[place]] = (sums[found[place]] or 0) + found[place + 1] end
end
for name, sum in pairs(sums) do
  flat[#flat + 1] = name
  flat[#flat + 1] = string.format('%.0f', sum)
end
return {{now, flat}}
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """The patients of some hours, from `since` to `until`: how many are in each bin, by `bin_name`."""

    since: datetime
    until: datetime
    bins: Mapping[str, int]


class Histograms:
    """Cards and histograms in one Redis; every method raises LedgerUnavailable if it does not answer.

    `clock` returns milliseconds since 1970 and is for tests; without it the clock of Redis is used.
    """

    def __init__(self, redis: Redis, clock: Callable[[], int] | None = None) -> None:
        self._redis = redis
        self._clock = clock
        # A Redis whose memory is full refuses to count, and needs its room for jobs.
        self._scripts = Scripts(redis, CLOCK, growing=(ADD,))

    def publish(self, version: str, card: str) -> None:
        """Write down that a worker serves the model of this version, and its card."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.set(CARD + version, card, ex=CARD_TTL_S)
        pipe.set(SERVED, version, ex=CARD_TTL_S)
        self._ask(lambda _: pipe.execute())

    def publish_refusal(self, refusal: str | None) -> None:
        """Write down which bundle a worker refuses, a `Refusal` as JSON, or that it has taken one up since."""
        if refusal is None:
            self._ask(lambda redis: redis.delete(REFUSED))
        else:
            self._ask(lambda redis: redis.set(REFUSED, refusal, ex=REFUSED_TTL_S))

    def add(self, version: str, counts: Mapping[str, int]) -> None:
        """Count patients in this hour's bins, whom the model of this version scored: all of them, or none."""
        flat = [part for pair in counts.items() for part in pair]
        self._run(ADD, version, *flat)

    def served(self) -> str | None:
        """Return the version of the model that a worker was last seen to score with."""
        version = self._ask(lambda redis: redis.get(SERVED))
        return version.decode() if version else None

    def card(self, version: str) -> bytes | None:
        """Return the card of a version, JSON."""
        card: bytes | None = self._ask(lambda redis: redis.get(CARD + version))
        return card

    def refused(self) -> bytes | None:
        """Return which bundle a worker refuses, a `Refusal` as JSON, or None."""
        refusal: bytes | None = self._ask(lambda redis: redis.get(REFUSED))
        return refusal

    def read(self, version: str, hours: int) -> Counted:
        """Return whom the model of this version scored in the hour that it is and in those before it, `hours` in all.

        Hours are those of the clock: the first is whole, and the last has just begun or is nearly over.
        """
        bins: Counter[str] = Counter()
        now = 0
        for before in range(0, hours, AT_ONCE_HOURS):
            now, flat = self._run(READ, version, before, min(AT_ONCE_HOURS, hours - before))
            bins.update({name.decode(): int(count) for name, count in zip(flat[::2], flat[1::2], strict=True)})
        first = now // HOUR_S - hours + 1
        return Counted(from_ms(first * HOUR_S * 1000), from_ms(now * 1000), bins)

    def _run(self, script: str, *args: str | int) -> Any:
        return self._ask(lambda _: self._scripts.run(script, self._clock() if self._clock else "", *args))

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        with asking():
            return question(self._redis)
