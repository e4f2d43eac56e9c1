"""Opens the connection to Redis, and refuses a server that would lose what it was given."""

import logging
import ssl
from urllib.parse import unquote, urlsplit

from redis import Redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.retry import Retry
from redis.sentinel import Sentinel

from contract.errors import LedgerUnavailable, UnfitRedis
from contract.oom_safe import OomSafeRedis
from contract.settings import Settings

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
