"""Addresses of hosts, and whether a client may have this service call them."""

import asyncio
import socket
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

from core.errors import RefusedCallback, UnresolvedCallback

RESOLVED_WITHIN_S = 5
RETRY_AFTER_S = 5
GLOBAL_UNICAST = ip_network("2000::/3")  # all IPv6 that IANA has assigned so far (RFC 4291, section 2.4)

UNKNOWN = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
"""Errors with which a name server says for certain that the name, or an address of it, does not exist."""


class Resolver:
    """Finds the addresses of hosts, in threads of its own: a silent name server delays nothing else.

    One owner uses at most `share` of the threads at once, by default all: a lookup cannot be canceled, so an owner who
    names slow hosts delays only their own lookups. With `private`, addresses that are not public are allowed too.
    """

    def __init__(self, *, private: bool, threads: int, share: int | None = None) -> None:
        self._private = private
        self._threads = ThreadPoolExecutor(threads, "resolve")
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(share or threads))

    async def find(self, host: str, owner: str = "") -> list[str]:
        """Return the host's addresses, the best first. An address is returned as it is, without a lookup.

        Raises RefusedCallback if there is none, or one is not public; UnresolvedCallback if the lookup does not end in
        time. Connect to one of the returned addresses only: the name may resolve to another one later.
        """
        addresses = [host] if is_address(host) else await self._look_up(host, owner)
        if not self._private and not all(map(is_public, addresses)):
            raise RefusedCallback(
                "The host of callback_url has an address that is not public: name another host; "
                "an operator may allow such addresses with SCORELINE_CALLBACK_PRIVATE."
            )
        return list(dict.fromkeys(addresses))

    async def _look_up(self, host: str, owner: str) -> list[str]:
        try:
            async with asyncio.timeout(RESOLVED_WITHIN_S):
                found = await self._ask(host, self._slots[owner])
        except (OSError, UnicodeError) as error:  # a timeout is an OSError
            if isinstance(error, UnicodeError) or (isinstance(error, socket.gaierror) and error.errno in UNKNOWN):
                raise RefusedCallback(
                    "The host of callback_url cannot be resolved: check it, then send the patient again."
                ) from None
            raise UnresolvedCallback(retry_after_s=RETRY_AFTER_S) from None
        return [str(place[0]) for *_, place in found]

    async def _ask(self, host: str, slots: asyncio.Semaphore) -> list[Any]:
        """Return the answer of getaddrinfo, once the owner has a free slot, which is held until the thread is done."""
        await slots.acquire()
        loop = asyncio.get_running_loop()

        def free_slot(_: object) -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(slots.release)

        work = self._threads.submit(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
        work.add_done_callback(free_slot)
        return await asyncio.wrap_future(work)

    def close(self) -> None:
        """Stop the threads without waiting for them."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def is_address(host: str) -> bool:
    """Whether the host is an IP address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Whether an address is globally reachable: not this machine's, not of a private network, not multicast.

    An IPv6 address that stands for an IPv4 address is checked as that one, or refused.
    """
    ip = ip_address(address.partition("%")[0])
    if not isinstance(ip, IPv4Address):
        if ip.ipv4_mapped is None:
            return ip in GLOBAL_UNICAST and ip.is_global and ip.sixtofour is None
        ip = ip.ipv4_mapped
    return ip.is_global and not ip.is_multicast
