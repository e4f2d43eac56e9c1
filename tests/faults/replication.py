"""How far a master is, noted all along, to know once it has died from when on its replica had not what it wrote."""

import time
from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from math import inf

from redis import Redis
from redis.exceptions import RedisError
from typing_extensions import override

from tests.faults.background import Background

EVERY_S = 0.02
KEPT = 6_000  # two minutes: no replica is behind for longer


class OffsetLog(Background):
    """Notes the replication offset of the server on the port that `master_port` returns, until the block is left.

    `begins_ms` has, for each failover, when the first was written that the new master had not got, in ms since 1970: no
    later than that, and less than the time between two looks before it.
    """

    def __init__(self, master_port: Callable[[], int]) -> None:
        super().__init__()
        self.begins_ms: list[float] = []
        self._master_port, self._port = master_port, 0
        self._offsets: list[tuple[int, float]] = []  # how far the master was, and when it was last seen to be there

    @override
    def _work(self) -> None:
        while not self._stop.wait(EVERY_S):
            with suppress(RedisError):
                port = self._master_port()
                with Redis(port=port) as master:
                    self._follow(master, port)

    def _follow(self, master: Redis, port: int) -> None:
        """Note how far the master is, until it does not answer. Raises RedisError."""
        while not self._stop.wait(EVERY_S):
            at_ms, info = 1000 * time.time(), master.info("replication")
            if info["role"] != "master":
                return
            if self._port and port != self._port:
                place = bisect_right(self._offsets, (info["second_repl_offset"] - 1, inf))
                self.begins_ms.append(self._offsets[max(place - 1, 0)][1])
                self._offsets.clear()
            self._port = port
            self._note(info["master_repl_offset"], at_ms)

    def _note(self, offset: int, at_ms: float) -> None:
        if self._offsets and self._offsets[-1][0] == offset:
            self._offsets.pop()
        self._offsets.append((offset, at_ms))
        del self._offsets[:-KEPT]
