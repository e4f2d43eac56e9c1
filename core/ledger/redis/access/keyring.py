"""The keyring: the API keys of an installation, in the ledger's Redis, so that all gateways share them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from redis import Redis

from core.errors import UnknownKey
from core.ids import from_ms
from core.ledger.key import UNLIMITED, USUAL, Caller, Limits, Proof, Scope, make_key, prove
from core.ledger.redis.access.audit import OPERATOR, Action, AuditEvent
from core.ledger.redis.keys import AUDIT, KEY, KEYS
from core.ledger.redis.scripts import FIND_KEY, raising_ledger_errors

OWN = "our own clients"


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is stored, without its secret, at the time `now` by the clock of Redis.

    `rows_today` is the rows sent since midnight UTC; it is counted for a key that has a limit on them.
    """

    caller: Caller
    name: str
    proof: Proof
    now: datetime
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    rows_today: int = 0

    @property
    def left_s(self) -> float:
        """Seconds for which the key is still valid; 0 or less if it is not."""
        if self.revoked:
            return 0
        return (self.expires - self.now).total_seconds() if self.expires else float("inf")


class Keyring:
    """Makes, finds and revokes keys. Every method raises LedgerUnavailable if Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._find = redis.register_script(FIND_KEY.render())

    def create(self, name: str, scopes: Iterable[Scope], limits: Limits, lasts_s: float | None = None) -> str:
        """Make a key, and return it whole, since its secret is not stored. Takes some 0.2 s."""
        prefix, secret, whole = make_key()
        self._put(prefix, secret, name, scopes, limits, lasts_s)
        return whole

    def adopt(self, prefix: str, secret: str) -> Key | None:
        """Store a key that was made elsewhere, with the usual scopes, and return it."""
        self._put(prefix, secret, OWN, USUAL, UNLIMITED, None)
        return self.find(prefix)

    def _put(
        self, prefix: str, secret: str, name: str, scopes: Iterable[Scope], limits: Limits, lasts_s: float | None
    ) -> None:
        proof, now_ms = prove(secret), self._now_ms()
        record: dict[Any, Any] = {"name": name, "scopes": " ".join(sorted(scopes)), "created": now_ms, **asdict(proof)}
        record |= {limit: most for limit, most in asdict(limits).items() if most is not None}
        if lasts_s is not None:
            record["expires"] = now_ms + int(lasts_s * 1000)
        pipe = self._redis.pipeline(transaction=True)
        pipe.hset(KEY + prefix, mapping=record)
        pipe.zadd(KEYS, {prefix: now_ms})
        pipe.xadd(AUDIT, AuditEvent(OPERATOR, Action.CREATE_KEY, "key", (prefix,)).fields())
        with raising_ledger_errors():
            pipe.execute()

    def find(self, prefix: str) -> Key | None:
        """Return the key with this prefix, valid or not, or None."""
        with raising_ledger_errors():
            now_ms, rows, found = self._find(args=[prefix])
        pairs = iter(found)
        return _key(prefix, dict(zip(pairs, pairs, strict=True)), now_ms, int(rows)) if found else None

    def all(self) -> Iterator[Key]:
        """Yield every key that was ever made, the oldest first."""
        with raising_ledger_errors():
            prefixes: Any = self._redis.zrange(KEYS, 0, -1)
        for prefix in prefixes:
            if key := self.find(prefix.decode()):
                yield key

    def revoke(self, prefix: str) -> None:
        """Revoke the key for good; repeating it changes nothing. Raises UnknownKey."""
        if (key := self.find(prefix)) is None:
            raise UnknownKey
        if key.revoked:
            return
        pipe = self._redis.pipeline(transaction=True)
        pipe.hsetnx(KEY + prefix, "revoked", self._now_ms())
        pipe.xadd(AUDIT, AuditEvent(OPERATOR, Action.REVOKE_KEY, "key", (prefix,)).fields())
        with raising_ledger_errors():
            pipe.execute()

    def _now_ms(self) -> int:
        with raising_ledger_errors():
            seconds, microseconds = self._redis.time()
        return int(seconds * 1000 + microseconds // 1000)


def _key(prefix: str, record: Mapping[bytes, bytes], now_ms: int, rows: int) -> Key:
    words = {name.decode(): value.decode() for name, value in record.items()}
    most = {limit.name: int(words[limit.name]) for limit in fields(Limits) if limit.name in words}
    times = {name: from_ms(int(words[name])) for name in ("created", "expires", "revoked") if name in words}
    caller = Caller(prefix, frozenset(map(Scope, words["scopes"].split())), Limits(**most) if most else UNLIMITED)
    proof = Proof(words["slow"], words["hint"])
    return Key(caller, words["name"], proof, from_ms(now_ms), rows_today=rows, **times)
