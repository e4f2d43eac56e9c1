"""Limits the wrong keys that may be entered on the login page from one address. There is one in each process."""

import time
from collections import OrderedDict
from ipaddress import IPv6Network, ip_address

from core.errors import QuotaExceeded

ATTEMPTS_LIMIT, WITHIN_S = 10, 10
"""So many wrong keys within so many seconds: nobody mistypes a key more often than once a second."""
NETWORKS_LIMIT = 10_000
PREFIX_BITS = 64  # of an IPv6 address: a client has all addresses with the same prefix (RFC 6177)


class LoginAttempts:
    """Counts the wrong keys from each address; the addresses of one IPv6 network count together.

    Above 10,000 addresses the oldest is forgotten first.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count_attempt(self, address: str) -> None:
        """Count a key before it is looked up. Raises QuotaExceeded after too many attempts within 10 s."""
        network, now_s = network_of(address), time.monotonic()
        until_s, count = self._counts.get(network, (0.0, 0))
        if until_s <= now_s:
            until_s, count = now_s + WITHIN_S, 0
        if count >= ATTEMPTS_LIMIT:
            raise QuotaExceeded(
                "Too many wrong keys were entered from this address: try again after the seconds in `Retry-After`.",
                retry_after_s=int(until_s - now_s) + 1,
            )
        self._counts[network] = (until_s, count + 1)
        if len(self._counts) > NETWORKS_LIMIT:
            self._counts.popitem(last=False)

    def uncount_attempt(self, address: str) -> None:
        """Undo one count, since the key was found."""
        network = network_of(address)
        until_s, count = self._counts.get(network, (0.0, 1))
        self._counts[network] = (until_s, count - 1)


def network_of(address: str) -> str:
    """Return the address, or for IPv6 its /64 network: one client has all addresses of the network."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Network((int(ip), PREFIX_BITS), strict=False)) if ip.version == 6 else address
