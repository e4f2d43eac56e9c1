"""What workers tell of the model that they serve, and of the patients whom it scored: its card, and histograms.

There is a histogram of all patients, and one of each owner's. None of it is needed for any job, and losing it loses
none. One hour of an owner takes 0.4 KB of Redis at most if it saw one patient, and 2 KB at most whatever it saw: a week
of hours takes 336 KB at most of each key and model (tests/integration/test_histograms.py).
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
from core.ledger.redis.running import Scripts, raising_ledger_errors
from core.ledger.redis.scripts import ADD_TO_HISTOGRAMS, READ_HISTOGRAMS, Script

CARD_TTL_S = HISTOGRAM_TTL_S + HOUR_S  # so that what is counted can be told of
REFUSED_TTL_S = 180  # three times as long as it takes a worker to say so again

OWNERS_AT_ONCE = 64  # jobs wait for as long as that takes: less than 2 ms

AT_ONCE_HOURS = 24  # that the script adds up: jobs would have to wait for more

EVERYONE = ""
"""The owner whose histograms hold every patient: those of all owners, and those who have none."""


def name_histograms(version: str, owner: str) -> str:
    """Return what the names of a model's histograms of an owner's patients, or of everyone's, begin with."""
    return f"{OWNED_HISTOGRAMS}{owner}:{version}:" if owner else f"{HISTOGRAMS}{version}:"


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
        self._scripts = Scripts(redis)

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

    def add(self, version: str, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Count patients in this hour's bins, whom the model of this version scored, by their owner.

        All are counted among everyone's too; of what is counted of an owner, all is or nothing.
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
        """Return which bundle a worker refuses, a `Refusal` as JSON, or None."""
        refusal: bytes | None = self._ask(lambda redis: redis.get(REFUSED))
        return refusal

    def read(self, version: str, hours: int, owner: str = EVERYONE) -> Counted:
        """Return whom the model of this version scored in the hour that it is and in those before it, `hours` in all.

        They are an owner's patients, or everyone's. Hours are those of the clock: the first is whole, and the last has
        just begun or is nearly over.
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
