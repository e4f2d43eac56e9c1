"""Opens connections to Redis that work even while its memory is full, and refuses a Redis that may lose jobs.

A Redis above its `maxmemory` refuses every command that may use more memory (OOM), but runs a script that declares
`allow-oom`. So a refused command is sent again within such a script, which costs one more round trip while memory is
full. Accepted jobs can thus still be claimed, committed, acknowledged, canceled and erased, which frees memory again.
Only new work is refused, by scripts that begin with `REFUSED_WHEN_FULL`.

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

MONITOR_OPTIONS = {f"{key}_key": f"onlooker.{key}" for key in ("unacked", "unacked_index", "unacked_mutex")}
"""Broker options for a monitor that consumes nothing: without them it would redeliver workers' overdue messages."""

log = logging.getLogger(__name__)

RUNS_WHEN_FULL = "#!lua flags=allow-oom\n"
"""First line of a script that runs even while memory is full."""

REFUSED_WHEN_FULL = "#!lua\n"
"""First line of a script that is refused, before any of it runs, while memory is full."""

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
"""Runs commands in order, each given as the number of its words and those words; returns their answers."""

SCRIPTS = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"})
"""Commands that no script may call; the script that they run declares itself whether it may be refused."""

Command = tuple[tuple[Any, ...], dict[str, Any]]
"""A command with its arguments, and the options for parsing its answer, as redis-py keeps them."""


def open_redis(settings: Settings, *, retries: int = 1) -> Redis:
    """Return a client whose every call returns, or raises RedisError, within about twice the set timeout.

    A call whose connection fails is repeated on a new one, `retries` times, some 0.2 s apart at most; every script of
    the ledger may be repeated. While memory is full, only scripts that write new work are refused.
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
    """Return the TLS options for a rediss:// server, none for any other; options in its URL take precedence."""
    if not settings.redis_url.startswith("rediss://"):
        return {}
    by: dict[str, object] = {"ssl_ca_certs": str(settings.redis_ca)} if settings.redis_ca else {}
    return by | {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}


def ask_sentinel(settings: Settings) -> dict[str, object]:
    """Return the options for connections to a Sentinel: one that is down is skipped at once, not retried."""
    timeout_s = settings.redis_timeout_s
    return {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "retry": Retry(NoBackoff(), 0)}


def check_redis(redis: Redis) -> None:
    """Check that the server does not lose data.

    Raises UnfitRedis if it may evict keys or is a cluster, LedgerUnavailable if it cannot be reached; logs a warning if
    it does not write every change to its disk before it answers.
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
            return None  # without asking: the server would log a refusal
        return str(redis.config_get("appendfsync").get("appendfsync"))
    except ResponseError:  # a managed server may forbid CONFIG; then it cannot be known
        return None


class OomSafeRedis(Redis):
    """A client for which only scripts headed by `REFUSED_WHEN_FULL` are refused while memory is full."""

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
        """Run commands, none of which runs a script, in one step even while memory is full; return their answers."""
        words = [word for args, _ in commands for word in (len(args), *args)]
        answers = super().execute_command("EVAL", ALL_AT_ONCE, 0, *words)  # type: ignore[no-untyped-call]
        return [self._read(*command, answer) for command, answer in zip(commands, answers, strict=True)]

    @override
    def register_script(self, script: str | bytes | memoryview) -> Script:
        """Return a script to call; it runs even while memory is full, unless its first line declares otherwise."""
        text = script if isinstance(script, str) else bytes(script).decode()
        return super().register_script(text if text.startswith("#!") else RUNS_WHEN_FULL + text)

    @override
    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Return a pipeline that works while memory is full, too."""
        return OomSafePipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)

    def _read(self, args: tuple[Any, ...], options: dict[str, Any], answer: Any) -> Any:
        read = self.response_callbacks.get(args[0])
        if isinstance(answer, Exception) or not read:
            return answer
        return read(answer, **{name: value for name, value in options.items() if name != "keys"})


class OomSafePipeline(Pipeline):
    """A pipeline whose commands run even while memory is full; those of a transaction run in one step.

    Redis refuses transactions while memory is full. The keys that a refused transaction watched are then not watched.
    """

    @override
    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Return the answers to the commands, as a pipeline of redis-py does."""
        commands: list[Command] = self.command_stack
        try:
            answers = super().execute(raise_on_error=False)
        except OutOfMemoryError as error:  # of a transaction, no command of which ran
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
    """Return the answer to a command, or the error that it raised."""
    args, options = command
    try:
        return client.execute_command(*args, **options)
    except ResponseError as error:
        return error
