"""A whole service whose gateway asks for API keys, and clients that show one."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2
from redis import Redis

from core.ledger.key import UNLIMITED, USUAL, Limits, Scope
from core.ledger.redis.access.keyring import Keyring


class Keyed(NamedTuple):
    """The URLs of a service that asks for keys and of its Valkey; its logs and its store are in `folder`.

    The gateway shows its metrics at `metrics`, where it is to show any.
    """

    url: str
    redis_url: str
    folder: Path
    metrics: str = ""

    def make_key(
        self, scopes: Iterable[Scope] = USUAL, limits: Limits = UNLIMITED, lasts_s: float | None = None
    ) -> str:
        """Return a new key."""
        with Redis.from_url(self.redis_url) as redis:
            return Keyring(redis).create("test", scopes, limits, lasts_s)

    def revoke(self, key: str) -> None:
        """Revoke a key."""
        with Redis.from_url(self.redis_url) as redis:
            Keyring(redis).revoke(prefix_of(key))

    @contextmanager
    def client(self, key: str) -> Iterator[httpx2.Client]:
        """Give a client that shows the key."""
        with httpx2.Client(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
            yield client


def prefix_of(key: str) -> str:
    """Return the public part of a key."""
    return key.split("_")[1]
