"""What workers publish of the model that they serve: its card, and histograms of the records that it scored.

There is a histogram of all records, and one for each owner. No job needs them, and losing them loses no job. One hour
of one owner takes at most 0.4 KB of Redis if it counts one record, and at most 2 KB in any case: a week of hours takes
at most 336 KB per key and model (tests/integration/test_histograms.py).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis import Redis

from core.ids import from_ms
from core.ledger.redis.constants import HISTOGRAM_TTL_S, HOUR_S
from core.ledger.redis.keys import CARD, HISTOGRAMS, OWNED_HISTOGRAMS, REFUSED, SERVED
from core.ledger.redis.scripts import ADD_TO_HISTOGRAMS, READ_HISTOGRAMS, Script, Scripts, raising_ledger_errors

CARD_TTL_S = HISTOGRAM_TTL_S + HOUR_S  # no histogram outlives its card
REFUSED_TTL_S = 180  # three times the interval at which a worker publishes it again

OWNERS_AT_ONCE = 64  # takes less than 2 ms, for which jobs wait

# Summed in the script: for one day, a client would read two thousand counts. More hours at once would delay jobs.
AT_ONCE_HOURS = 24

EVERYONE = ""
"""The owner whose histograms count every record, of all owners and of none."""


def name_histograms(version: str, owner: str) -> str:
    """Return the prefix of the keys of a model's histograms, of one owner or of everyone."""
    return f"{OWNED_HISTOGRAMS}{owner}:{version}:" if owner else f"{HISTOGRAMS}{version}:"


@dataclass(frozen=True, slots=True)
class Counted:
    """The records of some hours, from `since` to `until`: how many are in each bin, by `bin_name`."""

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
        self._scripts = Scripts(redis)

    def publish(self, version: str, card: str) -> None:
        """Store that a worker serves this version of the model, and its card."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.set(CARD + version, card, ex=CARD_TTL_S)
        pipe.set(SERVED, version, ex=CARD_TTL_S)
        self._ask(lambda _: pipe.execute())

    def publish_refusal(self, refusal: str | None) -> None:
        """Store which bundle a worker refuses, a `Refusal` as JSON; None deletes that, once a bundle is accepted."""
        if refusal is None:
            self._ask(lambda redis: redis.delete(REFUSED))
        else:
            self._ask(lambda redis: redis.set(REFUSED, refusal, ex=REFUSED_TTL_S))

    def add(self, version: str, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Add counts, by owner and bin, to this hour's histograms of this version of the model.

        They are added to everyone's histogram too. The counts of one owner are added all or not at all.
        """
        owners = list(counts)
        for start in range(0, len(owners), OWNERS_AT_ONCE):
            some = {owner: counts[owner] for owner in owners[start : start + OWNERS_AT_ONCE]}
            everyone = Counter[str]()
            for bins in some.values():
                everyone.update(bins)
            args: list[str | int] = []
            for owner, bins in {**some, EVERYONE: everyone}.items():
                args += [name_histograms(version, owner), len(bins)]
                args += [part for pair in bins.items() for part in pair]
            self._run(ADD_TO_HISTOGRAMS, *args)

    def served(self) -> str | None:
        """Return the version of the model that a worker was last seen to score with."""
        version = self._ask(lambda redis: redis.get(SERVED))
        return version.decode() if version else None

    def card(self, version: str) -> bytes | None:
        """Return the card of a version, JSON."""
        card: bytes | None = self._ask(lambda redis: redis.get(CARD + version))
        return card

    def refused(self) -> bytes | None:
        """Return which bundle a worker refuses, as the JSON of a `Refusal`, or None."""
        refusal: bytes | None = self._ask(lambda redis: redis.get(REFUSED))
        return refusal

    def read(self, version: str, hours: int, owner: str = EVERYONE) -> Counted:
        """Return the counts of this version for the current hour and those before it, `hours` in all.

        They are one owner's, or everyone's. Hours are hours of the clock: the last one is not over yet.
        """
        bins: Counter[str] = Counter()
        now = 0
        for before in range(0, hours, AT_ONCE_HOURS):
            now, flat = self._run(
                READ_HISTOGRAMS, name_histograms(version, owner), before, min(AT_ONCE_HOURS, hours - before)
            )
            bins.update({name.decode(): int(count) for name, count in zip(flat[::2], flat[1::2], strict=True)})
        first = now // HOUR_S - hours + 1
        return Counted(from_ms(first * HOUR_S * 1000), from_ms(now * 1000), bins)

    def _run(self, script: Script, *args: str | int) -> Any:
        return self._ask(lambda _: self._scripts.run(script, self._clock() if self._clock else "", *args))

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        with raising_ledger_errors():
            return question(self._redis)
