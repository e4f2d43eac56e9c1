"""Listens for what the ledger's scripts publish: that jobs have begun, ended, or were erased."""

from collections.abc import Iterator
from threading import Event

from redis import Redis
from redis.exceptions import RedisError

from contract.ledger.keys import Keys
from contract.ledger.protocol import Heard

LISTEN_FOR_S = 0.25


def listen(redis: Redis, keys: Keys, stop: Event) -> Iterator[Heard | None]:
    """Yield what is heard of jobs, until `stop` is set; None when something may have been missed.

    That is when it begins to listen, and when it does so again after the connection was lost.
    """
    while not stop.is_set():
        try:
            with redis.pubsub() as ears:
                ears.subscribe(keys.begun, keys.ended)
                while not stop.is_set():
                    message = ears.get_message(timeout=LISTEN_FOR_S)
                    if message and message["type"] == "message":
                        ended = message["channel"] == keys.ended.encode()
                        yield Heard(ended, message["data"].decode().split())
                    elif message:
                        yield None
        except RedisError:
            stop.wait(LISTEN_FOR_S)
