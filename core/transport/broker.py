"""Celery's way to the broker, on which nothing of what was accepted is refused for want of memory."""

from functools import cache
from typing import Any

from celery.app.amqp import AMQP
from kombu.connection import Connection, ConnectionPool, PooledConnection
from kombu.transport.redis import Channel, Transport
from redis import Redis
from typing_extensions import override

from core.connect import OomSafeRedis


class OomSafeChannel(Channel):
    """A channel whose commands a Redis with full memory takes."""

    @override
    def _get_client(self) -> type[Redis]:
        return OomSafeRedis


@cache
def with_channel(channel: type[Channel], transport: type[Transport]) -> type[Transport]:
    """Return kombu's way to Redis, be it by Sentinels, with channels that are of this kind as well."""
    mixed = type(channel.__name__, (channel, transport.Channel), {})
    return type(transport.__name__, (transport,), {"Channel": mixed})


class BrokerConnection(Connection):
    """A connection of Celery's, for those who consume."""

    @override
    def get_transport_cls(self) -> type[Transport]:
        """Return the class of what speaks to the broker, by the scheme of its URL."""
        return with_channel(OomSafeChannel, super().get_transport_cls())  # type: ignore[no-untyped-call]

    @override
    def Pool(self, limit: int | None = None, **options: Any) -> ConnectionPool:
        """Return a pool of such connections, for those who send."""
        return BrokerPool(self, limit, **options)  # type: ignore[no-untyped-call]


class PooledBrokerConnection(BrokerConnection, PooledConnection):
    """Such a connection of a pool."""


class BrokerPool(ConnectionPool):
    """A pool of such connections; kombu's own makes connections of its own kind."""

    @override
    def new(self) -> PooledBrokerConnection:
        """Return a connection to the same broker."""
        known = dict(self.connection._info(resolve=False))
        return PooledBrokerConnection(self, **known)  # type: ignore[no-untyped-call]


class Broker(AMQP):  # type: ignore[misc]  # Celery has no types
    """Celery's messaging, with connections of ours."""

    Connection: Any = BrokerConnection
