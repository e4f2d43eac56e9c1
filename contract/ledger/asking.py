"""Asks Redis, and has an error of the ledger raised if it does not answer."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from contract.errors import LedgerUnavailable

log = logging.getLogger(__name__)


@contextmanager
def asking() -> Iterator[None]:
    """Raise LedgerUnavailable for any error of Redis that leaves the block; log what only an operator can mend."""
    try:
        yield
    except RedisError as error:
        if isinstance(error, AuthenticationError | NoPermissionError) or "ACL failure" in str(error):  # in a script
            log.error("Redis refuses the user of SCORELINE_REDIS_URL what this program needs: %s", error)
        raise LedgerUnavailable(retry_after_s=1) from error
