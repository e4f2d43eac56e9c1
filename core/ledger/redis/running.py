"""Runs the scripts of a ledger, and raises the ledger's errors for those of Redis."""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import AuthenticationError, NoPermissionError, OutOfMemoryError, RedisError, ResponseError

from core.connect import REFUSED_WHEN_FULL, RUNS_WHEN_FULL
from core.errors import LedgerUnavailable, MemoryFull, NewerLedger
from core.ledger.redis.lua.prelude import NO_WRITES

NEWER = "NEWERFORMAT the ledger is of a format that this program does not know"
"""The error of a script that refuses to claim, since the ledger's format is newer."""


class Scripts:
    """Scripts that share a `prelude`; each is loaded when it is first run.

    The `growing` scripts write new records: a Redis whose memory is full refuses only these. The `reading` scripts
    write nothing: a Redis whose disk is full accepts only these.
    """

    def __init__(
        self, redis: Redis, prelude: str, growing: Collection[str] = (), reading: Collection[str] = ()
    ) -> None:
        self._redis = redis
        self._prelude = prelude
        self._heads = dict.fromkeys(growing, REFUSED_WHEN_FULL) | dict.fromkeys(reading, NO_WRITES)
        self._loaded: dict[tuple[str, bool], Script] = {}

    def run(self, script: str, *args: str | bytes | int, always: bool = False) -> Any:
        """Run the script and return its result; with `always`, even a growing one runs while memory is full.

        Raises RedisError and NewerLedger.
        """
        if (script, always) not in self._loaded:
            head = RUNS_WHEN_FULL if always else self._heads.get(script, RUNS_WHEN_FULL)
            self._loaded[script, always] = self._redis.register_script(head + self._prelude + script)
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
