"""Opens the connection to Redis, whose writes are not refused for want of memory; refuses one that may lose jobs.

A Redis above its `maxmemory` refuses every command that may take more of it (OOM), but no script that says it may run
all the same. So a refused command is sent again within such a script. It takes a round trip more while memory is full,
and nothing else: what was accepted can be claimed, committed, acknowledged, canceled and erased, which is how memory
becomes free again. Only who submits new work is to be refused: by a script that begins with `REFUSED_WHEN_FULL`.

Redis checks the user's rights within a script as well. Needs Redis 7 or Valkey.
"""

import logging
import ssl
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from redis import Redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.client import Pipeline
from redis.commands.core import Script
from redis.exceptions import AuthenticationError, NoPermissionError, OutOfMemoryError, RedisError, ResponseError
from redis.retry import Retry
from redis.sentinel import Sentinel
from typing_extensions import override

from core.errors import LedgerUnavailable, UnfitRedis
from core.settings import Settings

ONLOOKER = {f"{key}_key": f"onlooker.{key}" for key in ("unacked", "unacked_index", "unacked_mutex")}
"""Options of the broker for who only looks on: any other gives the workers' overdue messages back, as workers do."""

log = logging.getLogger(__name__)


def open_redis(settings: Settings, *, retries: int = 1) -> Redis:
    """Return a client whose every call answers, or raises RedisError, within about twice the set timeout.

    A call that fails on its connection is made again on a new one, `retries` times within some 0.2 s each; every
    script of the ledger bears that. None is refused for want of memory, but the scripts that write new work down.
    """
    options = {
        "socket_timeout": settings.redis_timeout_s,
        "socket_connect_timeout": settings.redis_timeout_s,
        "socket_keepalive": True,
        "health_check_interval": 5,
        "retry": Retry(ExponentialBackoff(cap=0.2, base=0.02), retries),
    }
    if not settings.redis_url.startswith("sentinel://"):
        return OomSafeRedis.from_url(settings.redis_url, **options, **check_certificate(settings))
    urls = [urlsplit(url) for url in settings.redis_url.split(";")]
    watchers = [(url.hostname, url.port or 26379) for url in urls]
    sentinel = Sentinel(watchers, sentinel_kwargs=ask_sentinel(settings))
    login = {"username": unquote(urls[0].username or "") or None, "password": unquote(urls[0].password or "") or None}
    database = int(urls[-1].path.strip("/") or 0)
    master: Redis = sentinel.master_for(settings.redis_master, OomSafeRedis, db=database, **login, **options)
    return master


def check_certificate(settings: Settings) -> dict[str, object]:
    """Return how a rediss:// server is trusted, nothing for any other; what its URL says of that goes before."""
    if not settings.redis_url.startswith("rediss://"):
        return {}
    by: dict[str, object] = {"ssl_ca_certs": str(settings.redis_ca)} if settings.redis_ca else {}
    return by | {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}


def ask_sentinel(settings: Settings) -> dict[str, object]:
    """Return how a Sentinel is asked: one that is away is passed over at once, not tried again."""
    timeout_s = settings.redis_timeout_s
    return {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "retry": Retry(NoBackoff(), 0)}


def check_redis(redis: Redis) -> None:
    """Check that the server keeps what it is given.

    Raises UnfitRedis for one that may evict keys or is a cluster, LedgerUnavailable if it cannot be reached; warns of
    one that does not write every change to its disk before it answers.
    """
    try:
        memory, persistence, cluster = (redis.info(section) for section in ("memory", "persistence", "cluster"))
    except (AuthenticationError, NoPermissionError) as error:
        raise UnfitRedis(
            "Redis refuses the user or password of SCORELINE_REDIS_URL, or that user may not ask for INFO: "
            "correct one of them, then start again."
        ) from error
    except RedisError as error:
        raise LedgerUnavailable from error
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise UnfitRedis(
            f"Redis evicts keys when its memory is full (maxmemory-policy {policy}), so it would lose accepted jobs: "
            "set maxmemory-policy to noeviction, then start again."
        )
    if cluster.get("cluster_enabled"):
        raise UnfitRedis(
            "Redis runs as a cluster, over which neither the ledger nor Celery's queue can be spread: name a Redis "
            "that runs alone (cluster-enabled no), or one behind Sentinel, then start again."
        )
    if not persistence.get("aof_enabled") or _fsync(redis) not in ("always", None):
        log.warning(
            "Redis may lose accepted jobs when its machine loses power: "
            "set appendonly to yes and appendfsync to always."
        )


def _fsync(redis: Redis) -> str | None:
    try:
        if not redis.eval("return redis.acl_check_cmd('CONFIG', 'GET', 'appendfsync')", 0):
            return None  # a refusal would stand in the server's log
        return str(redis.config_get("appendfsync").get("appendfsync"))
    except ResponseError:  # a managed server may forbid CONFIG; then it cannot be known
        return None


RUNS_WHEN_FULL = "#!lua flags=allow-oom\n"
"""Heads a script that runs whatever memory is used."""

REFUSED_WHEN_FULL = "#!lua\n"
"""Heads a script that a Redis whose memory is full refuses, before any of it is done."""

ALL_AT_ONCE = (
    RUNS_WHEN_FULL
    + """
local answers, at = {}, 1
while at < #ARGV do
  local size = tonumber(ARGV[at])
  answers[#answers + 1] = redis.pcall(unpack(ARGV, at + 1, at + size))
  at = at + size + 1
end
return answers
"""
)
"""Does commands in their order, each given as the number of its words and those words; returns their answers."""

SCRIPTS = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"})
"""Commands that no script may call; the script that they run says itself whether it may be refused."""

Command = tuple[tuple[Any, ...], dict[str, Any]]
"""A command and its arguments, and the options by which its answer is read, as redis-py keeps them."""


class OomSafeRedis(Redis):
    """A client that is refused nothing for want of memory but the scripts that are to be."""

    @override
    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Return the answer to a command."""
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except OutOfMemoryError:
            if args[0] in SCRIPTS:
                raise
            (answer,) = self.execute_all([(args, options)])
            if isinstance(answer, Exception):
                raise answer from None
            return answer

    def execute_all(self, commands: Sequence[Command]) -> list[Any]:
        """Do the commands, none of which runs a script, in one step whatever memory is used; return their answers."""
        words = [word for args, _ in commands for word in (len(args), *args)]
        answers = super().execute_command("EVAL", ALL_AT_ONCE, 0, *words)  # type: ignore[no-untyped-call]
        return [self._read(*command, answer) for command, answer in zip(commands, answers, strict=True)]

    @override
    def register_script(self, script: str | bytes | memoryview) -> Script:
        """Return a script to call; it runs whatever memory is used, unless its first line says what it needs."""
        text = script if isinstance(script, str) else bytes(script).decode()
        return super().register_script(text if text.startswith("#!") else RUNS_WHEN_FULL + text)

    @override
    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Return a pipeline that is refused as little."""
        return OomSafePipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)

    def _read(self, args: tuple[Any, ...], options: dict[str, Any], answer: Any) -> Any:
        read = self.response_callbacks.get(args[0])
        if isinstance(answer, Exception) or not read:
            return answer
        return read(answer, **{name: value for name, value in options.items() if name != "keys"})


class OomSafePipeline(Pipeline):
    """A pipeline whose commands are done all the same, those of a transaction in one step, if memory is full.

    What a refused transaction watched is not watched any more then: Redis takes no transaction while memory is full.
    """

    @override
    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Return the answers to the commands, as a pipeline of redis-py does."""
        commands: list[Command] = self.command_stack
        try:
            answers = super().execute(raise_on_error=False)
        except OutOfMemoryError as error:  # of a transaction, none of which was done
            answers = [error] * len(commands)
        refused = [place for place, answer in enumerate(answers) if isinstance(answer, OutOfMemoryError)]
        for place, answer in zip(refused, self._do([commands[place] for place in refused]), strict=True):
            answers[place] = answer
        if raise_on_error:
            self.raise_first_error(commands, answers)  # type: ignore[no-untyped-call]
        return answers

    def _do(self, commands: Sequence[Command]) -> list[Any]:
        client = OomSafeRedis(connection_pool=self.connection_pool)
        if not any(args[0] in SCRIPTS for args, _ in commands):
            return client.execute_all(commands) if commands else []
        return [attempt(client, command) for command in commands]


def attempt(client: Redis, command: Command) -> Any:
    """Return the answer to a command, or the error that it is."""
    args, options = command
    try:
        return client.execute_command(*args, **options)
    except ResponseError as error:
        return error
