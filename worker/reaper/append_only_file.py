"""Has Redis rewrite its append-only file, in which what was erased stands until then; notes how much room it has."""

import logging

from redis import Redis
from redis.exceptions import ResponseError

from core.ledger.redis.keys import REWRITTEN, ROOM
from core.ledger.redis.running import Scripts, raising_ledger_errors
from core.ledger.redis.server_stats import read_server_stats
from core.settings import Settings

AGAIN_IN_S = 60
"""When it is tried again where Redis was at it already, or refused, or failed."""

log = logging.getLogger(__name__)

# Invariant: of all who ask within the time that is given, one is told that it is due. A Redis whose memory is full
# refuses a plain SET, but not this.
IS_DUE = f"""
return redis.call('SET', '{REWRITTEN}', 1, 'NX', 'EX', ARGV[1])
"""


class AppendOnlyFile:
    """Has the file of one Redis written anew now and then, by whichever sweep comes first, and no more often.

    Redis does so itself only once the file has grown to twice its size and 64 MB, which a small site never reaches.
    Where Redis refuses or fails it is tried again a minute later, and a warning says so once. Every method raises
    LedgerUnavailable if Redis does not answer.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._within_s = settings.rewrite_within_s
        self._scripts = Scripts(redis, "")
        self._is_refused = False

    def rewrite_when_due(self) -> None:
        """Have the file written anew if that was begun `rewrite_within_s` ago."""
        with raising_ledger_errors():
            if not self._within_s or not self._scripts.run(IS_DUE, self._within_s):
                return
            info = self._redis.info("persistence")
            if info["aof_rewrite_in_progress"]:
                self._try_again()  # for what was erased since that was begun
            elif info["aof_enabled"]:
                self._rewrite()

    def check(self) -> None:
        """See to it that it is tried again if it failed."""
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


NOTED_FOR_S = 10  # several sweeps; a note that is older says nothing


def note_free_memory(redis: Redis, settings: Settings) -> None:
    """Write down the bytes that are free below `SCORELINE_MEMORY_SHARE`; nothing where Redis may use all there is.

    Raises LedgerUnavailable.
    """
    server = read_server_stats(redis)
    if not server.memory_limit_bytes:
        return
    free_bytes = int(server.memory_limit_bytes * settings.memory_share) - server.memory_bytes
    with raising_ledger_errors():
        redis.set(ROOM, max(0, free_bytes), ex=NOTED_FOR_S)
