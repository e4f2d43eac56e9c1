"""Asks Redis, and has an error of the ledger raised if it does not answer."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from contract.errors import LedgerUnavailable


@contextmanager
def asking() -> Iterator[None]:
    """Raise LedgerUnavailable for any error of Redis that leaves the block."""
    try:
        yield
    except RedisError as error:
        raise LedgerUnavailable(retry_after_s=1) from error
