"""The guesses: how many wrong keys were entered from where, so that nobody tries many. One in each process."""

import time
from collections import OrderedDict
from ipaddress import IPv6Network, ip_address

from core.errors import QuotaExceeded

WRONG_AT_MOST, WITHIN_S = 10, 10
"""Nobody mistypes a key more often than once a second."""
NETWORKS_AT_MOST = 10_000
PREFIX_BITS = 64  # of an IPv6 address: who has one has all that begin so (RFC 6177)


class LoginAttempts:
    """Counts the keys that were entered from each address and not found, those of one IPv6 network together.

    Where more addresses come than are remembered, the one that came first is forgotten first.
    """

    def __init__(self) -> None:
        self._taken: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, address: str) -> None:
        """Count a key that is about to be looked for. Raises QuotaExceeded if too many were within the last seconds."""
        network, now_s = network_of(address), time.monotonic()
        until_s, count = self._taken.get(network, (0.0, 0))
        if until_s <= now_s:
            until_s, count = now_s + WITHIN_S, 0
        if count >= WRONG_AT_MOST:
            raise QuotaExceeded(
                "Too many wrong keys were entered from this address: try again after the seconds in `Retry-After`.",
                retry_after_s=int(until_s - now_s) + 1,
            )
        self._taken[network] = (until_s, count + 1)
        if len(self._taken) > NETWORKS_AT_MOST:
            self._taken.popitem(last=False)

    def give_back(self, address: str) -> None:
        """Count one less: the key was found."""
        network = network_of(address)
        until_s, count = self._taken.get(network, (0.0, 1))
        self._taken[network] = (until_s, count - 1)


def network_of(address: str) -> str:
    """Return what stands for all addresses that one visitor is likely to have."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Network((int(ip), PREFIX_BITS), strict=False)) if ip.version == 6 else address
