"""Runs the scripts of a ledger."""

from collections.abc import Collection
from typing import Any

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import ResponseError

from contract.errors import NewerLedger
from contract.ledger.prelude import NO_WRITES
from contract.oom_safe import REFUSED_WHEN_FULL, RUNS_WHEN_FULL

NEWER = "NEWERFORMAT the ledger is of a format that this program does not know"
"""What a script answers by which nothing may be claimed any more."""


class Scripts:
    """Scripts that all begin with the same `prelude`, each loaded when it is first run.

    Those that are `growing` write new records down: they alone are refused by a Redis whose memory is full. Those that
    are `reading` write nothing: they alone are not refused by a Redis whose disk is full.
    """

    def __init__(
        self, redis: Redis, prelude: str, growing: Collection[str] = (), reading: Collection[str] = ()
    ) -> None:
        self._redis = redis
        self._prelude = prelude
        self._heads = dict.fromkeys(growing, REFUSED_WHEN_FULL) | dict.fromkeys(reading, NO_WRITES)
        self._loaded: dict[tuple[str, bool], Script] = {}

    def run(self, script: str, *args: str | bytes | int, always: bool = False) -> Any:
        """Return what the script returns; `always` runs a growing one as well. Raises RedisError, and NewerLedger."""
        if (script, always) not in self._loaded:
            head = RUNS_WHEN_FULL if always else self._heads.get(script, RUNS_WHEN_FULL)
            self._loaded[script, always] = self._redis.register_script(head + self._prelude + script)
        try:
            return self._loaded[script, always](args=args)
        except ResponseError as error:
            if str(error).startswith(NEWER.partition(" ")[0]):
                raise NewerLedger from None
            raise
