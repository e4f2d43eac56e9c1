"""Listens for the ends of jobs, which the ledger's scripts publish."""

from collections.abc import Iterator
from threading import Event

from redis import Redis
from redis.exceptions import RedisError

from contract.ledger import keys

LISTEN_FOR_S = 0.25


def listen(redis: Redis, stop: Event) -> Iterator[list[str] | None]:
    """Yield the ids of jobs as they end, until `stop` is set; None when some may have been missed.

    That is when it begins to listen, and when it does so again after the connection was lost.
    """
    while not stop.is_set():
        try:
            with redis.pubsub() as ears:
                ears.subscribe(keys.ENDED)
                while not stop.is_set():
                    heard = ears.get_message(timeout=LISTEN_FOR_S)
                    if heard and heard["type"] == "message":
                        yield heard["data"].decode().split()
                    elif heard:
                        yield None
        except RedisError:
            stop.wait(LISTEN_FOR_S)
