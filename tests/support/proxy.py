"""A TCP link that can be made bad: slow, trickling, cut, half-open."""

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Flag, auto

from tests.support.waiting import until

_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)
"""To linger for no time: what is closed so is reset."""


class Way(Flag):
    """A direction of the link."""

    TO_SERVER = auto()
    TO_CLIENT = auto()
    BOTH = TO_SERVER | TO_CLIENT


class Connection:
    """One client's connection, and the one to the server that carries it on."""

    def __init__(self, client: StreamWriter, server: StreamWriter) -> None:
        self.ends = (client, server)
        self.flowing = {Way.TO_SERVER: asyncio.Event(), Way.TO_CLIENT: asyncio.Event()}
        self.go_on()
        for end in self.ends:
            # The link holds a chunk, and no more: a side that is not read from waits.
            end.transport.set_write_buffer_limits(0)

    def stop(self, ways: Way) -> None:
        """Carries nothing more."""
        for way in ways:
            self.flowing[way].clear()

    def go_on(self) -> None:
        """Carries on."""
        for flowing in self.flowing.values():
            flowing.set()

    def close(self, *, reset: bool) -> None:
        """Ends both connections."""
        self.go_on()
        for end in self.ends:
            if reset and not end.is_closing():
                linger = (socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.get_extra_info("socket").setsockopt(*linger)
                end.transport.abort()
            end.close()


class Proxy:
    """Carries connections to `server`, without faults until one is set.

    Attributes:
        target: where clients connect to.
        delay: seconds that each chunk takes.
        chunk: how many bytes a chunk has at most.
        connections: those that are open, half-open ones too.
        accepted: how many there have been.
        carried: how many bytes went each way.
    """

    def __init__(self, server: str) -> None:
        self._server = server.rpartition(":")
        self.target = ""
        self.connections: set[Connection] = set()
        self.accepted = 0
        self.carried = {Way.TO_SERVER: 0, Way.TO_CLIENT: 0}
        self.heal()

    def heal(self) -> None:
        """Carries everything well again, at first what was held back."""
        self.delay = 0.0
        self.chunk = _CHUNK
        for connection in self.connections:
            connection.go_on()

    def stall(self, ways: Way = Way.BOTH) -> None:
        """Makes the connections that there are half-open: nothing passes, not even an end."""
        for connection in self.connections:
            connection.stop(ways)

    def cut(self, *, reset: bool = True) -> None:
        """Ends the connections that there are, by a reset or in good order."""
        for connection in self.connections:
            connection.close(reset=reset)

    async def until_accepted(self, connections: int) -> None:
        """Returns once `connections` have been accepted."""
        await until(lambda: self.accepted >= connections)

    async def carry(self, from_client: StreamReader, client: StreamWriter) -> None:
        """Carries one connection, until both its ends have."""
        host, _, port = self._server
        try:
            from_server, server = await asyncio.open_connection(host, int(port))
        except ConnectionError:
            client.close()
            return
        connection = Connection(client, server)
        self.connections.add(connection)
        self.accepted += 1
        try:
            await asyncio.gather(
                self._pump(from_client, server, connection, Way.TO_SERVER),
                self._pump(from_server, client, connection, Way.TO_CLIENT),
            )
        except ConnectionError:
            connection.close(reset=True)
        finally:
            connection.close(reset=False)
            self.connections.discard(connection)

    async def _pump(
        self, reader: StreamReader, writer: StreamWriter, connection: Connection, way: Way
    ) -> None:
        flowing = connection.flowing[way]
        while data := memoryview(await reader.read(_CHUNK)):
            while data:
                await asyncio.sleep(self.delay)
                await flowing.wait()
                piece, data = data[: self.chunk], data[self.chunk :]
                writer.write(piece)
                self.carried[way] += len(piece)
                await writer.drain()
        await flowing.wait()
        if not writer.is_closing():
            writer.write_eof()


@asynccontextmanager
async def proxied(server: str) -> AsyncIterator[Proxy]:
    """A link to a server's address while the context lasts."""
    proxy = Proxy(server)
    listener = await asyncio.start_server(proxy.carry, "127.0.0.1", 0)
    proxy.target = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        listener.close()
        proxy.cut()
        await until(lambda: not proxy.connections)
