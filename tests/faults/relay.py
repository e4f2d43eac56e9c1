"""A relay in front of a server that a test may cut: then connections break, and new ones are refused."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from threading import Thread
from typing import Any, Self

from bench.local.programs import free_port

PIECE_BYTES = 65_536


class Relay:
    """Passes on what comes to `port` to the server on `to_port`, until the block is left."""

    def __init__(self, to_port: int) -> None:
        self.port = free_port()
        self._to_port = to_port
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.mend()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._run(self._hang_up())

    def mend(self) -> None:
        """Take connections again."""
        self._run(self._listen())

    def _run(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)

    async def _hang_up(self) -> None:
        # A server that is closed between taking a connection and opening it leaves that one behind for good.
        for listening in self._server.sockets:
            self._loop.remove_reader(listening.fileno())
        await asyncio.sleep(0)
        self._server.close()
        while len(asyncio.all_tasks()) > 1:  # also those of connections that were accepted, and are not open yet
            for writer in self._open:
                writer.transport.abort()
            await asyncio.sleep(0)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(ConnectionRefusedError):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
                self._open.add(far_writer)
                try:
                    await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
                finally:
                    self._open.discard(far_writer)
        finally:
            self._open.discard(writer)
            writer.close()  # nothing has, where the server refused


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on bytes until either side is gone, and then hang up."""
    with suppress(OSError):
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    writer.close()
