"""Has Redis rewrite its append-only file, which holds erased data until then; stores how much memory is free."""

import logging

from redis import Redis
from redis.exceptions import ResponseError

from core.ledger.redis.checkpoint import read_server_stats
from core.ledger.redis.keys import FREE_MEMORY, REWRITTEN
from core.ledger.redis.scripts import IS_REWRITE_DUE, Scripts, raising_ledger_errors
from core.settings import Settings

AGAIN_IN_S = 60
"""Seconds after which to try again if Redis was rewriting already, or refused, or failed."""

log = logging.getLogger(__name__)

NOTED_FOR_S = 10  # several rounds of the reaper; an older number would be worthless


class AppendOnlyFile:
    """Has one Redis rewrite its file every `rewrite_within_s` seconds; several reapers cause no more rewrites than one.

    Redis itself rewrites only a file that has doubled and is above 64 MB, which a small site never reaches. If Redis
    refuses or fails, it is tried again a minute later, and a warning is logged once. Every method raises
    LedgerUnavailable if Redis does not answer.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._within_s = settings.rewrite_within_s
        self._scripts = Scripts(redis)
        self._is_refused = False

    def rewrite_when_due(self) -> None:
        """Start a rewrite if the last one began `rewrite_within_s` seconds ago or earlier."""
        with raising_ledger_errors():
            if not self._within_s or not self._scripts.run(IS_REWRITE_DUE, self._within_s):
                return
            info = self._redis.info("persistence")
            if info["aof_rewrite_in_progress"]:
                self._try_again()  # for data that was erased since that rewrite began
            elif info["aof_enabled"]:
                self._rewrite()

    def check(self) -> None:
        """Schedule another attempt if the last rewrite failed."""
        with raising_ledger_errors():
            info = self._redis.info("persistence")
            if self._within_s and info["aof_enabled"] and info["aof_last_bgrewrite_status"] != "ok":
                self._refuse("the log of Redis says why")

    def _rewrite(self) -> None:
        try:
            self._redis.bgrewriteaof()
            self._is_refused = False
        except ResponseError as error:
            self._refuse(str(error))

    def _refuse(self, reason: str) -> None:
        if not self._is_refused:
            log.warning(
                "what was erased stays on the disk of Redis, which did not write its append-only file anew: %s. It is "
                "tried again. Make room there and let the user of SCORELINE_REDIS_URL do BGREWRITEAOF; or do so "
                "yourself, and set SCORELINE_REWRITE_WITHIN_S to 0.",
                reason,
            )
        self._is_refused = True
        self._try_again()

    def _try_again(self) -> None:
        self._redis.expire(REWRITTEN, AGAIN_IN_S, lt=True)


def note_free_memory(redis: Redis, settings: Settings) -> None:
    """Store how many bytes of memory are free below `SCORELINE_MEMORY_SHARE`; nothing if Redis has no memory limit.

    Raises LedgerUnavailable.
    """
    server = read_server_stats(redis)
    if not server.memory_limit_bytes:
        return
    free_bytes = int(server.memory_limit_bytes * settings.memory_share) - server.memory_bytes
    with raising_ledger_errors():
        redis.set(FREE_MEMORY, max(0, free_bytes), ex=NOTED_FOR_S)
