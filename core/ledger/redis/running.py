"""Runs the scripts of a ledger, and raises the ledger's errors for those of Redis."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.commands.core import Script as LoadedScript
from redis.exceptions import AuthenticationError, NoPermissionError, OutOfMemoryError, RedisError, ResponseError

from core.errors import LedgerUnavailable, MemoryFull, NewerLedger
from core.ledger.redis.constants import NEWER
from core.ledger.redis.keys import JOBS, Keys
from core.ledger.redis.scripts import Needs, Script


class Scripts:
    """The scripts of the ledger with these keys, each loaded when it is first run."""

    def __init__(self, redis: Redis, keys: Keys = JOBS) -> None:
        self._redis = redis
        self._keys = keys
        self._loaded: dict[tuple[Script, bool], LoadedScript] = {}

    def run(self, script: Script, *args: str | bytes | int, always: bool = False) -> Any:
        """Run the script and return its result; with `always`, even one that needs memory runs while memory is full.

        Raises RedisError and NewerLedger.
        """
        if (script, always) not in self._loaded:
            text = script.render(self._keys, Needs.DISK if always else script.needs)
            self._loaded[script, always] = self._redis.register_script(text)
        try:
            return self._loaded[script, always](args=args)
        except ResponseError as error:
            if str(error).startswith(NEWER.partition(" ")[0]):
                raise NewerLedger from None
            raise


MEMORY_RETRY_AFTER_S = 10
"""Seconds after which to retry if memory is full: it takes time until results expire or an operator acts."""

log = logging.getLogger(__name__)


@contextmanager
def raising_ledger_errors() -> Iterator[None]:
    """Raise LedgerUnavailable for any error of Redis in the block, but MemoryFull if its memory is full.

    Logs missing permissions, which only an operator can fix.
    """
    try:
        yield
    except OutOfMemoryError as error:
        raise MemoryFull(retry_after_s=MEMORY_RETRY_AFTER_S) from error
    except RedisError as error:
        if isinstance(error, AuthenticationError | NoPermissionError) or "ACL failure" in str(error):  # in a script
            log.error("Redis refuses the user of SCORELINE_REDIS_URL what this program needs: %s", error)
        raise LedgerUnavailable(retry_after_s=1) from error
