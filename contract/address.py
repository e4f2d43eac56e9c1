"""The address: where a host is, and whether a stranger may have this service call there."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address, ip_address, ip_network

from contract.errors import RefusedCallback

RESOLVED_WITHIN_S = 5
GLOBAL_UNICAST = ip_network("2000::/3")  # all that IANA has given out of IPv6 so far (RFC 4291, section 2.4)


class Resolver:
    """Finds the addresses of hosts, in threads of its own: a name server that is silent holds up nothing else.

    With `private`, addresses that are not public are fine too.
    """

    def __init__(self, *, private: bool, threads: int) -> None:
        self._private = private
        self._threads = ThreadPoolExecutor(threads, "resolve")

    async def find(self, host: str) -> list[str]:
        """Return the host's addresses, the best first. Raises RefusedCallback if there is none, or one is not public.

        Whoever connects must connect to one of these: a name may lead elsewhere when it is resolved again.
        """
        look = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
        try:
            async with asyncio.timeout(RESOLVED_WITHIN_S):
                found = await asyncio.get_running_loop().run_in_executor(self._threads, look)
        except (OSError, UnicodeError):  # a timeout is an OSError
            raise RefusedCallback(
                "The host of callback_url cannot be resolved: check it, then send the patient again."
            ) from None
        addresses = [str(place[0]) for *_, place in found]
        if not self._private and not all(map(is_public, addresses)):
            raise RefusedCallback(
                "The host of callback_url has an address that is not public: name another host; "
                "an operator may allow such addresses with SCORELINE_CALLBACK_PRIVATE."
            )
        return list(dict.fromkeys(addresses))

    def close(self) -> None:
        """Stop looking."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def is_public(address: str) -> bool:
    """Whether an address belongs to the internet at large: not to this machine, its network, or a group.

    An IPv6 address that stands for one of IPv4 is judged as that one, or refused.
    """
    ip = ip_address(address.partition("%")[0])
    if not isinstance(ip, IPv4Address):
        if ip.ipv4_mapped is None:
            return ip in GLOBAL_UNICAST and ip.is_global and ip.sixtofour is None
        ip = ip.ipv4_mapped
    return ip.is_global and not ip.is_multicast
