"""The API key: its owner, what it allows, and how it is verified without being stored.

A key is `sl_<prefix>_<secret>`. The prefix is public: a key is looked up, listed and revoked by it, and jobs, batches
and the audit name their owner by it. The secret is 192 random bits, shown once and stored nowhere.
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
"""The cost of a slow hash: 16 MiB and some 0.2 s. Source: OWASP, Password Storage Cheat Sheet, scrypt."""

MOST_MEMORY_BYTES = 2**28


class Scope(StrEnum):
    """What a key allows."""

    SCORE = "score"  # submit jobs; cancel and erase them
    BATCH = "batch"  # upload files; cancel and erase their batches
    READ = "read"  # read jobs, batches and their results
    ADMIN = "admin"  # all of these, on every key's work

    __hash__ = str.__hash__  # Enum's own is written in Python, and each request calls it


USUAL = (Scope.SCORE, Scope.BATCH, Scope.READ)
"""The default scopes of a key."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one key; None is no limit. A day is a UTC day.

    `weight` is its share of the workers and of the backlog when other keys have work too; None is 1.
    """

    requests_per_s: int | None = None
    rows_per_day: int | None = None
    batches_at_once: int | None = None
    weight: int | None = None


UNLIMITED = Limits()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: the prefix of their key, empty if no keys are required; its scopes and limits."""

    key: str
    scopes: frozenset[Scope]
    limits: Limits = UNLIMITED

    def may(self, scope: Scope) -> bool:
        """Whether the key has the scope, or is an admin's."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    @property
    def visible_owner(self) -> str:
        """The owner whose work they may see; empty for everyone's."""
        return "" if Scope.ADMIN in self.scopes else self.key


ANYONE = Caller("", frozenset(Scope))
"""Every caller, if no keys are required: together they own everything."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What is stored of a secret: a slow salted hash that proves it, and a hint that rejects most wrong ones.

    The hint is a fast hash cut to 32 bits. A wrong secret passes it once in four billion times, so that a caller who
    knows only a prefix cannot make us compute slow hashes. Who steals the hint still has 160 bits to guess.
    """

    slow: str
    hint: str


def make_key() -> tuple[str, str, str]:
    """Return a new prefix, a new secret, and the whole key of both."""
    prefix, secret = token_hex(PREFIX_BYTES), token_hex(SECRET_BYTES)
    return prefix, secret, f"sl_{prefix}_{secret}"


def split_key(text: str) -> tuple[str, str] | None:
    """Return the prefix and the secret of a well-formed key, or None for any other text."""
    match = FORM.fullmatch(text)
    return (match[1], match[2]) if match else None


def check_key(key: SecretStr) -> SecretStr:
    """Return the key if it is well-formed. Raises ValueError."""
    if split_key(key.get_secret_value()) is None:
        raise ValueError("must be sl_, a prefix and a secret, as `python -m api keys draw` prints them")
    return key


def prove(secret: str) -> Proof:
    """Return what is stored of the secret. Takes some 0.2 s."""
    salt = token_bytes(SALT_BYTES)
    slow = f"scrypt${COST}${BLOCK}${LANES}${salt.hex()}${_slow(secret, salt, COST, BLOCK, LANES).hex()}"
    return Proof(slow, _hint(secret))


def may_match(secret: str, proof: Proof) -> bool:
    """Whether the secret passes the hint, so that `matches` must decide; fast, and in constant time."""
    return compare_digest(_hint(secret), proof.hint)


def matches(secret: str, proof: Proof) -> bool:
    """Whether it is the secret that was proved. Takes as long as `prove`; other threads run meanwhile."""
    _, cost, block, lanes, salt, kept = proof.slow.split("$")
    found = _slow(secret, bytes.fromhex(salt), int(cost), int(block), int(lanes))
    return compare_digest(found.hex(), kept)


def _slow(secret: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return scrypt(secret.encode(), salt=salt, n=cost, r=block, p=lanes, maxmem=MOST_MEMORY_BYTES, dklen=32)


def _hint(secret: str) -> str:
    return blake2s(secret.encode(), digest_size=HINT_BYTES).hexdigest()
