"""Listens for what the ledger's scripts publish: that jobs have begun, ended, or were erased."""

import logging
from collections.abc import Iterator
from threading import Event

from redis import Redis
from redis.exceptions import RedisError

from contract.answer import Answer
from contract.ledger.heard import Heard
from contract.ledger.keys import Keys
from contract.ledger.record import answer_from_line

LISTEN_FOR_S = 0.25

log = logging.getLogger(__name__)


def listen(redis: Redis, keys: Keys, stop: Event, waiter: str = "") -> Iterator[Heard[Answer] | None]:
    """Yield what is heard of jobs, until `stop` is set; None when something may have been missed.

    That is when it begins to listen, when it does so again after the connection was lost, and when a message names none
    or cannot be read. With the name of a `waiter` the answers that were made ready for it are heard too.
    """
    channels = [keys.begun, keys.ended, *([keys.answers + waiter] if waiter else [])]
    while not stop.is_set():
        try:
            with redis.pubsub() as ears:
                ears.subscribe(*channels)
                while not stop.is_set():
                    message = ears.get_message(timeout=LISTEN_FOR_S)
                    if message and message["type"] == "message":
                        yield read_message(keys, message["channel"].decode(), message["data"])
                    elif message:
                        yield None
        except RedisError:
            stop.wait(LISTEN_FOR_S)


def read_message(keys: Keys, channel: str, data: bytes) -> Heard[Answer] | None:
    """Return what a message tells, or None if it names no job or cannot be read."""
    try:
        if channel not in (keys.begun, keys.ended):
            answers = dict(map(answer_from_line, data.splitlines()))
            return Heard(True, list(answers), answers)
        ids = data.decode().split()
        return Heard(channel == keys.ended, ids) if ids else None
    except ValueError as error:
        # Its text is left out: it could hold a record's values.
        log.error("a message on the channel %s cannot be read: %s", channel, type(error).__name__)
        return None
