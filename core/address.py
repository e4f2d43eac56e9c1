"""The address: where a host is, and whether a stranger may have this service call there."""

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
GLOBAL_UNICAST = ip_network("2000::/3")  # all that IANA has given out of IPv6 so far (RFC 4291, section 2.4)

UNKNOWN = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
"""What a lookup ends with where a name server knew the answer: there is no such name, or no address of it."""


class Resolver:
    """Finds the addresses of hosts, in threads of its own: a name server that is silent holds up nothing else.

    Of the threads, no owner takes more than their `share` at once, all of them unless given: a lookup cannot be broken
    off, and whoever names slow hosts is to hold up their own lookups alone. With `private`, addresses that are not
    public are fine too.
    """

    def __init__(self, *, private: bool, threads: int, share: int | None = None) -> None:
        self._private = private
        self._threads = ThreadPoolExecutor(threads, "resolve")
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(share or threads))

    async def find(self, host: str, owner: str = "") -> list[str]:
        """Return the host's addresses, the best first; that of an address is itself, and nobody is asked.

        Raises RefusedCallback if there is none, or one is not public; UnresolvedCallback if that is not known in time.
        Whoever connects must connect to one of these: a name may lead elsewhere when it is resolved again.
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
                found = await self._ask(host, self._turns[owner])
        except (OSError, UnicodeError) as error:  # a timeout is an OSError
            if isinstance(error, UnicodeError) or (isinstance(error, socket.gaierror) and error.errno in UNKNOWN):
                raise RefusedCallback(
                    "The host of callback_url cannot be resolved: check it, then send the patient again."
                ) from None
            raise UnresolvedCallback(retry_after_s=RETRY_AFTER_S) from None
        return [str(place[0]) for *_, place in found]

    async def _ask(self, host: str, turns: asyncio.Semaphore) -> list[Any]:
        """Return what the system says of a host, once it is the owner's turn, which ends with the thread's work."""
        await turns.acquire()
        loop = asyncio.get_running_loop()

        def end_turn(_: object) -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(turns.release)

        work = self._threads.submit(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
        work.add_done_callback(end_turn)
        return await asyncio.wrap_future(work)

    def close(self) -> None:
        """Stop looking."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def is_address(host: str) -> bool:
    """Whether the host is an address, and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


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
