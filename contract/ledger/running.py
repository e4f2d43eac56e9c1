"""Runs the scripts of a ledger."""

from collections.abc import Collection
from typing import Any

from redis import Redis
from redis.commands.core import Script

from contract.oom_safe import REFUSED_WHEN_FULL, RUNS_WHEN_FULL


class Scripts:
    """Scripts that all begin with the same `prelude`, each loaded when it is first run.

    Those that are `growing` write new records down: they alone are refused by a Redis whose memory is full.
    """

    def __init__(self, redis: Redis, prelude: str, growing: Collection[str] = ()) -> None:
        self._redis = redis
        self._prelude = prelude
        self._growing = growing
        self._loaded: dict[tuple[str, bool], Script] = {}

    def run(self, script: str, *args: str | bytes | int, always: bool = False) -> Any:
        """Return what the script returns; `always` runs a growing one as well. Raises RedisError."""
        if (script, always) not in self._loaded:
            head = REFUSED_WHEN_FULL if script in self._growing and not always else RUNS_WHEN_FULL
            self._loaded[script, always] = self._redis.register_script(head + self._prelude + script)
        return self._loaded[script, always](args=args)
