"""Celery's consumer, but prompt and wary: back at work soon after the broker is, and deaf to what is not ours."""

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer

from contract.broker import with_channel
from worker.checked_queue import CheckedChannel

LONGEST_WAIT_S = 2


class PromptConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    """A consumer that tries every two seconds at most to reach a broker that is away, and checks each message.

    Celery's own waits two seconds longer after each try, up to thirty, and has no setting for it: a broker that was
    away for twenty seconds would not be seen to be back for up to ten more.
    """

    def ensure_connected(self, conn: Any) -> Any:
        """Return the connection once it stands."""
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=0.5, interval_step=0.5, interval_max=LONGEST_WAIT_S
        )
        find = type(conn).get_transport_cls  # by the scheme of the URL, which another broker's may differ from
        conn.get_transport_cls = lambda: with_channel(CheckedChannel, find(conn))
        return super().ensure_connected(conn)
