"""A receiver of callbacks that is down for a while, and must be told of every end in the end."""

from collections.abc import Callable, Sequence
from threading import Event

from bench.local.conditions import wait_until
from tests.faults.relay import Relay
from tests.receiver import receiving

ANY_NUMBER = 10_000
TOLD_WITHIN_S = 120  # a callback is tried again 0.3, 1.5, 6.3 and 25.5 s after the first time, give or take a fifth


def receiver_away(send: Callable[[str], Sequence[str]], outage_s: float, *, is_cut: bool) -> Sequence[str]:
    """Return the ids that `send` had accepted, given a URL to be told at, once the receiver was told of each of them.

    For so many seconds the receiver refuses connections, or else it answers 500.
    """
    with receiving() as receiver, Relay(receiver.port) as relay:
        if is_cut:
            relay.cut()
        receiver.statuses.extend([500] * ANY_NUMBER)
        ids = send(receiver.url.replace(str(receiver.port), str(relay.port)))
        Event().wait(outage_s)
        receiver.statuses.clear()
        receiver.told.clear()
        if is_cut:
            relay.mend()
        wait_until(
            lambda: all(receiver.told_of(id) for id in ids),
            within_s=TOLD_WITHIN_S,
            what="every callback to be delivered",
        )
    return ids
