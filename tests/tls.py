"""A TLS server in front of a Redis that has none of its own."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import trustme

from bench.local.programs import free_port


@contextmanager
def tls(authority: trustme.CA, to_port: int) -> Iterator[int]:
    """Give a port that speaks TLS, with a certificate of the authority's, and passes on to `to_port`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    port, started = free_port(), threading.Event()
    stopped, loops = asyncio.Event(), list[asyncio.AbstractEventLoop]()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", to_port)
        await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with await asyncio.start_server(meet, "localhost", port, ssl=context):
            started.set()
            await stopped.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    started.wait()
    try:
        yield port
    finally:
        loops[0].call_soon_threadsafe(stopped.set)
        thread.join()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the reader ends."""
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
