"""Celery's connection to the broker, which also works while the memory of Redis is full."""

from functools import cache
from typing import Any

from celery.app.amqp import AMQP
from kombu.connection import Connection, ConnectionPool, PooledConnection
from kombu.transport.redis import Channel, Transport
from redis import Redis
from typing_extensions import override

from core.connect import OomSafeRedis


class OomSafeChannel(Channel):
    """A channel whose commands work while memory is full."""

    @override
    def _get_client(self) -> type[Redis]:
        return OomSafeRedis


@cache
def with_channel(channel: type[Channel], transport: type[Transport]) -> type[Transport]:
    """Return kombu's transport for Redis or Sentinel, with its channels mixed with `channel`."""
    mixed = type(channel.__name__, (channel, transport.Channel), {})
    return type(transport.__name__, (transport,), {"Channel": mixed})


class BrokerConnection(Connection):
    """Celery's connection, for consumers."""

    @override
    def get_transport_cls(self) -> type[Transport]:
        """Return the transport class, by the scheme of the broker's URL."""
        return with_channel(OomSafeChannel, super().get_transport_cls())  # type: ignore[no-untyped-call]

    @override
    def Pool(self, limit: int | None = None, **options: Any) -> ConnectionPool:
        """Return a pool of such connections, for producers."""
        return BrokerPool(self, limit, **options)  # type: ignore[no-untyped-call]


class PooledBrokerConnection(BrokerConnection, PooledConnection):
    """Such a connection, within a pool."""


class BrokerPool(ConnectionPool):
    """A pool of such connections; kombu's own pool makes kombu's own connections."""

    @override
    def new(self) -> PooledBrokerConnection:
        """Return a connection to the same broker."""
        known = dict(self.connection._info(resolve=False))
        return PooledBrokerConnection(self, **known)  # type: ignore[no-untyped-call]


class Broker(AMQP):  # type: ignore[misc]  # Celery has no types
    """Celery's messaging, with the connections above."""

    Connection: Any = BrokerConnection
