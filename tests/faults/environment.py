"""What a service stands on, spoiled or taken away: Redis's memory, disk, master and data, and the bundle."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from bench.local.conditions import wait_until
from core.settings import Settings
from models.card import MODEL_FILE
from tests.faults.bundles import damaged_models, put_back, put_in_place
from tests.faults.house import House
from tests.faults.replicated import Replicated
from tests.faults.small_disk import OnSmallDisk

IN_STEP_WITHIN_S = 60
LIMIT = "maxmemory"


@contextmanager
def memory_full(house: House) -> Iterator[None]:
    """Let Redis have half the memory that it uses until the block is left."""
    with house.redis() as redis:
        before = redis.config_get(LIMIT)[LIMIT] or 0
        redis.config_set(LIMIT, redis.info("memory")["used_memory"] // 2)
        try:
            yield
        finally:
            redis.config_set(LIMIT, before)


@contextmanager
def disk_full(house: House) -> Iterator[None]:
    """Leave no byte on the disk that Redis, store and logs share until the block is left; Redis is started as ever."""
    assert isinstance(house, OnSmallDisk)
    broker, ordinary = house.broker, house.broker.launch
    broker.launch = house.start_broker_at_once
    house.disk.fill()
    try:
        yield
    finally:
        house.disk.relieve()
        broker.launch = ordinary


def exchange_bundles(house: House, each_s: float, send: Callable[[], object] = lambda: None) -> None:
    """Put one bundle after the other in place that must not be served, for so many seconds each; then the sound one.

    `send` is called as each is in place.
    """
    sound = Settings().bundle
    try:
        for model in damaged_models((house.bundle / MODEL_FILE).read_bytes()):
            put_in_place(house.bundle, model)
            send()
            Event().wait(each_s)
    finally:
        put_back(house.bundle, sound)


def lose_master(house: House) -> None:
    """Kill -9 the master of Redis for good, once its replica is in step.

    The server that was lost before comes back first: as the new master's replica.
    """
    assert isinstance(house, Replicated)
    for server in (house.broker, house.replica):
        server.release()
    wait_until(lambda: house.is_replicated, within_s=IN_STEP_WITHIN_S, what="the replica to be in step")
    master = house.master
    master.hold()
    house.deaths_ms.append(1000 * time.time())
    master.end(signal.SIGKILL)


def empty_redis(house: House) -> None:
    """Delete everything that Redis holds."""
    with house.redis() as redis:
        redis.flushall()
