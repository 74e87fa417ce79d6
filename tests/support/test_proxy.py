"""The link has the faults that are set, and no others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.proxy import Proxy, Way, proxied
from tests.support.waiting import DEADLINE_SECONDS, until

DATA = bytes(range(256)) * 4_096
"""1 MiB: more than a chunk, less than what sockets hold both ways."""


class Server:
    """Receives bytes, a chunk a read; sends what a test writes."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.ended = False
        self.writer: asyncio.StreamWriter

    @property
    def received(self) -> bytes:
        return b"".join(self.chunks)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        try:
            while chunk := await reader.read(65_536):
                self.chunks.append(chunk)
        except ConnectionResetError:
            pass
        finally:
            self.ended = True
            writer.close()


class Client:
    """One connection through the link."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self, size: int) -> bytes:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.reader.readexactly(size)


async def connect(proxy: Proxy) -> Client:
    host, _, port = proxy.target.partition(":")
    return Client(*await asyncio.open_connection(host, int(port)))


@asynccontextmanager
async def linked() -> AsyncIterator[tuple[Server, Proxy, Client]]:
    """A client whose connection a server has taken through the link."""
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener, proxied(f"127.0.0.1:{port}") as proxy:
        client = await connect(proxy)
        await until(lambda: bool(proxy.connections) and hasattr(server, "writer"))
        try:
            yield server, proxy, client
        finally:
            client.writer.close()


async def test_a_link_that_is_well_carries_both_ways_whole_and_in_order() -> None:
    async with linked() as (server, proxy, client):
        client.writer.write(DATA)
        server.writer.write(DATA[::-1])

        assert await client.read(len(DATA)) == DATA[::-1]
        await until(lambda: len(server.received) == len(DATA))

        client.writer.close()
        await until(lambda: server.ended and not proxy.connections)
    assert server.received == DATA
    assert proxy.accepted == 1
    assert proxy.carried == {Way.TO_SERVER: len(DATA), Way.TO_CLIENT: len(DATA)}


async def test_a_trickle_comes_in_many_small_pieces_until_it_is_healed() -> None:
    async with linked() as (server, proxy, client):
        proxy.chunk = 1
        client.writer.write(DATA[:1_000])
        await until(lambda: len(server.received) == 1_000)
        pieces = len(server.chunks)

        proxy.heal()
        client.writer.write(DATA[:1_000])
        await until(lambda: len(server.received) == 2_000)

    assert pieces > 100
    assert len(server.chunks) == pieces + 1
    assert server.received == DATA[:1_000] * 2


async def test_a_delay_holds_each_chunk_back() -> None:
    async with linked() as (server, proxy, client):
        proxy.delay = 0.05
        begin = asyncio.get_running_loop().time()
        client.writer.write(b"hello")
        await until(lambda: server.received == b"hello")
        seconds = asyncio.get_running_loop().time() - begin

    assert seconds >= 0.05


@pytest.mark.parametrize("reset", [True, False])
async def test_a_cut_ends_both_sides_and_new_connections_are_carried(reset: bool) -> None:
    async with linked() as (server, proxy, client):
        proxy.cut(reset=reset)

        if reset:
            with pytest.raises(ConnectionResetError):
                await client.read(1)
        else:
            with pytest.raises(asyncio.IncompleteReadError):
                await client.read(1)
        await until(lambda: server.ended and not proxy.connections)
        another = await connect(proxy)
        another.writer.write(b"again")
        await until(lambda: server.received == b"again")
        another.writer.close()
    assert proxy.accepted == 2


@pytest.mark.parametrize("ways", [Way.TO_SERVER, Way.TO_CLIENT, Way.BOTH])
async def test_a_half_open_link_carries_nothing_that_way_until_it_is_healed(ways: Way) -> None:
    async with linked() as (server, proxy, client):
        proxy.stall(ways)
        client.writer.write(b"to the server")
        server.writer.write(b"to the client")

        # What passes has passed by the time that a later connection has carried something.
        another = await connect(proxy)
        another.writer.write(b"another")
        await until(lambda: b"another" in server.received)
        if Way.TO_SERVER in ways:
            assert b"to the server" not in server.received
        if Way.TO_CLIENT in ways:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.reader.read(1), 0.01)

        proxy.heal()
        await until(lambda: b"to the server" in server.received)
        assert await client.read(13) == b"to the client"
        another.writer.close()


@pytest.mark.parametrize(
    ("ways", "passes"), [(Way.TO_SERVER, Way.TO_CLIENT), (Way.TO_CLIENT, Way.TO_SERVER)]
)
async def test_a_link_that_is_half_open_one_way_carries_the_other(ways: Way, passes: Way) -> None:
    async with linked() as (server, proxy, client):
        proxy.stall(ways)

        if passes is Way.TO_CLIENT:
            server.writer.write(b"to the client")
            assert await client.read(13) == b"to the client"
        else:
            client.writer.write(b"to the server")
            await until(lambda: server.received == b"to the server")


async def test_a_half_open_link_does_not_tell_that_the_other_side_is_gone() -> None:
    async with linked() as (server, proxy, client):
        proxy.stall()
        client.writer.close()
        await client.writer.wait_closed()
        another = await connect(proxy)
        another.writer.write(b"another")
        await until(lambda: server.received == b"another")

        assert not server.ended
        assert len(proxy.connections) == 2

        another.writer.close()
        proxy.heal()
        await until(lambda: server.ended and not proxy.connections)
