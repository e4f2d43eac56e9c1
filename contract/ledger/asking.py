"""Asks Redis, and has an error of the ledger raised if it does not answer."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import AuthenticationError, NoPermissionError, OutOfMemoryError, RedisError

from contract.errors import LedgerUnavailable, MemoryFull

MEMORY_RETRY_AFTER_S = 10
"""Seconds after which to try again where memory is full: as results expire, or an operator acts, and so not at once."""

log = logging.getLogger(__name__)


@contextmanager
def asking() -> Iterator[None]:
    """Raise LedgerUnavailable for any error of Redis that leaves the block; log what only an operator can mend.

    What is refused for want of memory is MemoryFull.
    """
    try:
        yield
    except OutOfMemoryError as error:
        raise MemoryFull(retry_after_s=MEMORY_RETRY_AFTER_S) from error
    except RedisError as error:
        if isinstance(error, AuthenticationError | NoPermissionError) or "ACL failure" in str(error):  # in a script
            log.error("Redis refuses the user of SCORELINE_REDIS_URL what this program needs: %s", error)
        raise LedgerUnavailable(retry_after_s=1) from error
