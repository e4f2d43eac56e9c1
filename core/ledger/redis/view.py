"""Reads the ledger in Redis without changing it, and listens to the events that its scripts publish."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from threading import Event
from typing import Any, Generic, TypeVar

from redis import Redis
from redis.exceptions import RedisError

from core.errors import ExpiredJob, LedgerLost, ScorelineError, UnknownJob, UnreadableRecord
from core.ids import first_id_at, ms_of_id
from core.ledger.answer import Answer
from core.ledger.job import State
from core.ledger.key import ANYONE, Caller
from core.ledger.protocol import JobEvent, Page
from core.ledger.redis.keys import DRAIN_BUCKET_MS, KEYS, Keys
from core.ledger.redis.record import FIELDS, answer_from_line, job_from_record, reading_record
from core.ledger.redis.scripts import raising_ledger_errors
from core.ledger.stats import Load, QueueStats
from core.settings import Settings

T = TypeVar("T")

FIRST_LISTED = "[" + first_id_at(1 << 16)  # above the id of every probe job
LISTED_AT_ONCE, LISTING_ROUNDS = 1_000, 100
READ_AT_ONCE = 1_000
OWNERS_AT_ONCE = 32
ENDED = [state.value for state in State if state.ended]
OPEN = [state for state in State if not state.ended]

Lost = Callable[[str], bool]
"""Whether an id that the ledger does not know may have been lost with its data; may raise LedgerUnavailable."""

LISTEN_FOR_S = 0.25

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecordKind(Generic[T]):
    """A kind of record: the fields to read, of which the first is the owner, how to parse them, and its errors."""

    fields: Sequence[bytes]
    from_record: Callable[[str, Sequence[bytes], Sequence[Any]], T | None]
    unknown: type[ScorelineError]
    expired: type[ScorelineError]


JOB = RecordKind(FIELDS, job_from_record, UnknownJob, ExpiredJob)


class RedisView(Generic[T]):
    """The reading half of a ledger; its methods promise what those of `Ledger` do.

    `clock` returns milliseconds since 1970 and is for tests; without it the clock of Redis is used, so that a
    machine whose clock is wrong does no harm. `lost` is called for unknown ids.
    """

    def __init__(
        self,
        redis: Redis,
        settings: Settings,
        clock: Callable[[], int] | None,
        keys: Keys,
        kind: RecordKind[T],
        lost: Lost | None = None,
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._kind = kind
        self._settings = settings
        self._clock = clock
        self._lost = lost

    def read(self, id: str, by: Caller = ANYONE) -> T:
        """Return the job, as `Ledger.read` does."""
        for _, values in self._read_fields([id], by.visible_owner):
            with reading_record(id):
                if job := self._kind.from_record(id, self._kind.fields, values):
                    return job
        raise self._explain_absence(id, by.visible_owner)

    def read_all(self, ids: Sequence[str]) -> dict[str, T]:
        """Return, by id, those of the jobs that exist and can be read."""
        return dict(self._read_all(ids))

    def state(self, id: str) -> State | None:
        """Return the job's state, as `Ledger.state` does."""
        state = self._ask(lambda redis: redis.hget(self._keys.job + id, "state"))
        return State(state.decode()) if state else None

    def page(self, *, state: State | None, limit: int, after: str | None, by: Caller = ANYONE) -> Page[T]:
        """Return jobs, newest first, as `Ledger.page` does."""
        found: list[T] = []
        older_than, count = f"({after}" if after else "+", limit + 1
        for _ in range(LISTING_ROUNDS):
            ids = self._find_newest(older_than, [state] if state else list(State), count, by.visible_owner)
            found += (job for _, job in self._read_all(ids))
            if len(found) > limit or len(ids) < count:
                break
            older_than, count = f"({ids[-1]}", max(count, LISTED_AT_ONCE)  # the older ones are mostly expired
        return Page(found[:limit], has_more=len(found) > limit)

    def dead_letters(self, *, limit: int) -> list[T]:
        """Return dead-lettered jobs, as `Ledger.dead_letters` does."""
        ids = self._ask(lambda redis: redis.zrange(self._keys.dead_letters, 0, limit - 1, desc=True))
        return [job for _, job in self._read_all([id.decode() for id in ids])]

    def load(self) -> Load:
        """Return the backlog and its rate, as `Ledger.load` does."""
        bucket = self._ms() // DRAIN_BUCKET_MS
        wanted = [self._keys.backlog, f"{self._keys.drained}{bucket - 1}", f"{self._keys.drained}{bucket}"]
        backlog, last, current = (int(value or 0) for value in self._ask(lambda redis: redis.mget(wanted)))
        return Load(backlog, max(last, current) * 1000 / DRAIN_BUCKET_MS)

    def read_stats(self) -> QueueStats:
        """Return the numbers of the ledger, as `Ledger.read_stats` does."""
        owners, pipe, keys = self.owners(), self._redis.pipeline(transaction=True), self._keys
        pipe.time()
        pipe.get(keys.backlog)
        pipe.zcard(keys.dead_letters)
        pipe.llen(keys.queue)
        pipe.exists(keys.consumed)
        for state, owner in product(OPEN, owners):
            pipe.zlexcount(keys.index_of(owner) + state, FIRST_LISTED, "+")
            pipe.zrangebylex(keys.index_of(owner) + state, FIRST_LISTED, "+", 0, 1)
        time, backlog, quarantined, messages, consumed, *found = self._ask(lambda _: pipe.execute())
        now = self._clock() if self._clock else int(time[0]) * 1000 + int(time[1]) // 1000
        counts, ages, many = {}, {}, 2 * len(owners)
        for place, state in enumerate(OPEN):
            of_state = found[place * many : (place + 1) * many]
            counts[state] = sum(of_state[::2])
            first = min((ids[0].decode() for ids in of_state[1::2] if ids), default=None)
            # A gateway's clock, which ids carry, may be ahead of that of Redis.
            ages[state] = max(0, now - ms_of_id(first)) / 1000 if first else 0.0
        return QueueStats(int(backlog or 0), counts, ages, quarantined, messages, bool(consumed))

    def consumed_lately(self) -> bool:
        """Return whether a job was scored of late, as `Ledger.consumed_lately` does."""
        _, scored = self._ask(lambda redis: (redis.set(self._keys.probe, 1, ex=1), redis.exists(self._keys.consumed)))
        return bool(scored)

    def _now(self) -> int | str:
        """Return the time to pass to a script: empty, so that it asks Redis, unless a test has a clock."""
        return self._clock() if self._clock else ""

    def _ms(self) -> int:
        if self._clock:
            return self._clock()
        seconds, microseconds = self._ask(lambda redis: redis.time())
        return int(seconds) * 1000 + int(microseconds) // 1000

    def _find_newest(self, older_than: str, states: Iterable[State], count: int, visible_owner: str) -> list[str]:
        owners, ids, wanted = self._list_owners(visible_owner), list[str](), list(states)
        for start in range(0, len(owners), OWNERS_AT_ONCE):
            oldest = f"({ids[-1]}" if len(ids) == count else FIRST_LISTED
            some = map(self._keys.index_of, owners[start : start + OWNERS_AT_ONCE])
            indexes = [index + state for index, state in product(some, wanted)]
            ids = sorted([*ids, *self._read_ids(indexes, older_than, oldest, count)], reverse=True)[:count]
        return ids

    def _read_ids(self, indexes: Iterable[str], older_than: str, oldest: str, count: int) -> list[str]:
        pipe = self._redis.pipeline(transaction=True)  # else a job that changes its state would be listed twice
        for index in indexes:
            pipe.zrevrangebylex(index, older_than, oldest, 0, count)
        return [id.decode() for page in self._ask(lambda _: pipe.execute()) for id in page]

    def owners(self) -> list[str]:
        """Return every possible owner: empty, for none, and each key that there ever was."""
        prefixes: list[bytes] = self._ask(lambda redis: redis.zrange(KEYS, 0, -1))
        return ["", *(prefix.decode() for prefix in prefixes)]

    def _list_owners(self, visible_owner: str) -> list[str]:
        return [visible_owner] if visible_owner else self.owners()

    def _read_all(self, ids: Sequence[str], visible_owner: str = "") -> Iterator[tuple[str, T]]:
        """Yield those that exist and can be read; one that cannot be read is logged, and hides no other."""
        for start in range(0, len(ids), READ_AT_ONCE):
            for id, values in self._read_fields(ids[start : start + READ_AT_ONCE], visible_owner):
                job = None
                with suppress(UnreadableRecord), reading_record(id):
                    job = self._kind.from_record(id, self._kind.fields, values)
                if job:
                    yield id, job

    def _read_fields(self, ids: Sequence[str], visible_owner: str) -> list[tuple[str, Sequence[Any]]]:
        pipe, fields = self._redis.pipeline(transaction=False), self._kind.fields
        for id in ids:
            pipe.hmget(self._keys.job + id, fields)
        pairs = zip(ids, self._ask(lambda _: pipe.execute()), strict=True)
        return [(id, values) for id, values in pairs if not visible_owner or values[0] == visible_owner.encode()]

    def _explain_absence(self, id: str, visible_owner: str) -> ScorelineError:
        """Return the error for an id without a record: it is expired, lost, or unknown."""
        pipe = self._redis.pipeline(transaction=False)
        for owner, state in product(self._list_owners(visible_owner), ENDED):
            pipe.zscore(self._keys.index_of(owner) + state, id)
        was_kept = any(score is not None for score in self._ask(lambda _: pipe.execute()))
        if was_kept:
            return self._kind.expired()
        return LedgerLost() if self._lost and self._lost(id) else self._kind.unknown()

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        with raising_ledger_errors():
            return question(self._redis)


def listen(redis: Redis, keys: Keys, stop: Event, waiter: str = "") -> Iterator[JobEvent[Answer] | None]:
    """Yield events of jobs until `stop` is set, and None when some may have been missed.

    That is when it has subscribed, also again after the connection was lost, and when a message names no job or cannot
    be read. With a `waiter`, the answers that were published for it come too.
    """
    channels = [keys.begun, keys.ended, *([keys.answers + waiter] if waiter else [])]
    while not stop.is_set():
        try:
            with redis.pubsub() as subscription:
                subscription.subscribe(*channels)
                while not stop.is_set():
                    message = subscription.get_message(timeout=LISTEN_FOR_S)
                    if message and message["type"] == "message":
                        yield read_message(keys, message["channel"].decode(), message["data"])
                    elif message:
                        yield None
        except RedisError:
            stop.wait(LISTEN_FOR_S)


def read_message(keys: Keys, channel: str, data: bytes) -> JobEvent[Answer] | None:
    """Return the event of a message, or None if it names no job or cannot be read."""
    try:
        if channel not in (keys.begun, keys.ended):
            answers = dict(map(answer_from_line, data.splitlines()))
            return JobEvent(True, list(answers), answers)
        ids = data.decode().split()
        return JobEvent(channel == keys.ended, ids) if ids else None
    except ValueError as error:
        # Its text is left out: it could hold a record's values.
        log.error("a message on the channel %s cannot be read: %s", channel, type(error).__name__)
        return None
