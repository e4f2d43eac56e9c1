"""The API key: who holds it, what it allows, and how it is proved without being kept.

A key is `sl_<prefix>_<secret>`. The prefix is public: by it the key is looked up, listed and revoked, and it is what
jobs, batches and the audit name their owner by. The secret is 192 random bits, told once and kept nowhere.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2s, scrypt
from hmac import compare_digest
from secrets import token_bytes, token_hex

from pydantic import SecretStr

PREFIX_BYTES, SECRET_BYTES, SALT_BYTES, HINT_BYTES = 4, 24, 16, 4
FORM = re.compile(rf"sl_([0-9a-f]{{{2 * PREFIX_BYTES}}})_([0-9a-f]{{{2 * SECRET_BYTES}}})")

COST, BLOCK, LANES = 2**14, 8, 5
"""How slow a proof is: 16 MiB and some 0.2 s. Source: OWASP, Password Storage Cheat Sheet, scrypt."""

MOST_MEMORY_BYTES = 2**28


class Scope(StrEnum):
    """What a key allows."""

    SCORE = "score"  # submit patients; cancel and erase such jobs
    BATCH = "batch"  # upload files; cancel and erase such batches
    READ = "read"  # read jobs, batches and what came of them
    ADMIN = "admin"  # all of it, and of every key's work

    __hash__ = str.__hash__  # an enumeration's own is written in Python, and each request asks for it


USUAL = (Scope.SCORE, Scope.BATCH, Scope.READ)
"""What a key allows unless more or less was asked for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one key may ask; None is no limit. A day is one of UTC.

    `weight` is its share of the workers and of what may wait, where others want theirs too; None is 1.
    """

    requests_per_s: int | None = None
    rows_per_day: int | None = None
    batches_at_once: int | None = None
    weight: int | None = None


UNLIMITED = Limits()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the prefix of their key, empty where no keys are required; what it allows, and how much."""

    key: str
    scopes: frozenset[Scope]
    limits: Limits = UNLIMITED

    def may(self, scope: Scope) -> bool:
        """Whether the key allows it."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    @property
    def sees(self) -> str:
        """The owner whose work they see, empty for everyone's."""
        return "" if Scope.ADMIN in self.scopes else self.key


ANYONE = Caller("", frozenset(Scope))
"""Every caller, where no keys are required: they own all there is together."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What is kept of a secret: a slow salted hash that proves it, and a hint that only disproves.

    The hint is a fast hash cut to 32 bits. A wrong secret passes it once in four billion times, so that no one who
    knows but a prefix can have us do slow hashes; who steals it is left with 160 bits to guess.
    """

    slow: str
    hint: str


def make_key() -> tuple[str, str, str]:
    """Return a new prefix, a new secret, and the whole key of both."""
    prefix, secret = token_hex(PREFIX_BYTES), token_hex(SECRET_BYTES)
    return prefix, secret, f"sl_{prefix}_{secret}"


def split_key(text: str) -> tuple[str, str] | None:
    """Return the prefix and the secret of what looks like a key, or None for what cannot be one."""
    match = FORM.fullmatch(text)
    return (match[1], match[2]) if match else None


def check_key(key: SecretStr) -> SecretStr:
    """Return the key if it looks like one. Raises ValueError."""
    if split_key(key.get_secret_value()) is None:
        raise ValueError("must be sl_, a prefix and a secret, as `python -m api keys draw` prints them")
    return key


def prove(secret: str) -> Proof:
    """Return what is to be kept of the secret. Takes some 0.2 s."""
    salt = token_bytes(SALT_BYTES)
    slow = f"scrypt${COST}${BLOCK}${LANES}${salt.hex()}${_slow(secret, salt, COST, BLOCK, LANES).hex()}"
    return Proof(slow, _hint(secret))


def may_match(secret: str, proof: Proof) -> bool:
    """Whether it is worth while to ask `matches`; in constant time, and fast."""
    return compare_digest(_hint(secret), proof.hint)


def matches(secret: str, proof: Proof) -> bool:
    """Whether it is the secret. Takes as long as `prove` did, and lets other threads run meanwhile."""
    _, cost, block, lanes, salt, kept = proof.slow.split("$")
    found = _slow(secret, bytes.fromhex(salt), int(cost), int(block), int(lanes))
    return compare_digest(found.hex(), kept)


def _slow(secret: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return scrypt(secret.encode(), salt=salt, n=cost, r=block, p=lanes, maxmem=MOST_MEMORY_BYTES, dklen=32)


def _hint(secret: str) -> str:
    return blake2s(secret.encode(), digest_size=HINT_BYTES).hexdigest()
