"""The sessions: browsers in which a key was entered, each identified by a random secret of its own."""

import re
from hashlib import blake2s
from secrets import token_hex
from typing import Any

from redis import Redis

from core.ledger.redis.keys import SESSION
from core.ledger.redis.scripts import raising_ledger_errors

SECRET_BYTES = 32
FORM = re.compile(rf"[0-9a-f]{{{2 * SECRET_BYTES}}}")


class Sessions:
    """Begins, finds and ends sessions; each ends by itself after `lasts_s` seconds, or when its key does.

    Redis stores a fast hash of the secret, which is enough for 256 random bits. Every method raises LedgerUnavailable
    if Redis does not answer.
    """

    def __init__(self, redis: Redis, lasts_s: int) -> None:
        self._redis = redis
        self.lasts_s = lasts_s

    def begin(self, prefix: str) -> str:
        """Begin a session for the key with this prefix, and return the session's secret."""
        secret = token_hex(SECRET_BYTES)
        with raising_ledger_errors():
            self._redis.set(_name(secret), prefix, ex=self.lasts_s)
        return secret

    def find(self, secret: str) -> str | None:
        """Return the prefix of the session's key, valid or not, or None if there is no such session."""
        if not FORM.fullmatch(secret):
            return None
        with raising_ledger_errors():
            prefix: Any = self._redis.get(_name(secret))
        return prefix.decode() if prefix else None

    def end(self, secret: str) -> None:
        """Forget the session."""
        with raising_ledger_errors():
            self._redis.delete(_name(secret))


def _name(secret: str) -> str:
    return SESSION + blake2s(secret.encode()).hexdigest()
