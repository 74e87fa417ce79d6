import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import grpc
import pytest
from tocsin.v1.inbox_service_pb2_grpc import (
    InboxServiceServicer,
    add_InboxServiceServicer_to_server,
)
from tocsin_client import AsyncClient, Client
from tocsin_client._retries import Pacing

from tests.support.blocking import in_threads

Serve = Callable[..., Awaitable[str]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Serves a servicer, on a socket of the test's own or over TCP, and gives the target."""
    async with AsyncExitStack() as stack:

        async def start(servicer: InboxServiceServicer, *, tcp: bool = False) -> str:
            server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
            add_InboxServiceServicer_to_server(servicer, server)
            if tcp:
                target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
            else:
                target = f"unix:{tmp_path / 'server.sock'}"
                server.add_insecure_port(target)
            await server.start()
            stack.push_async_callback(server.stop, None)
            return target

        yield start


class Sleeps(list[float]):
    """Records the delays, and waits for none."""

    async def awaited(self, delay: float) -> None:
        self.blocked(delay)
        await asyncio.sleep(0)

    def blocked(self, delay: float) -> None:
        self.append(round(delay, 6))


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture(params=["AsyncClient", "Client"])
async def clients(request: pytest.FixtureRequest, sleeps: Sleeps) -> AsyncIterator["Clients"]:
    """Makes clients of each kind."""
    async with aclosing(Clients(sleeps, blocking=request.param == "Client")) as clients:
        yield clients


class Clients:
    """Makes clients whose jitter is always the longest, and closes them."""

    def __init__(self, sleeps: Sleeps, *, blocking: bool) -> None:
        self._sleeps = sleeps
        self._blocking = blocking
        self._made: list[AsyncClient] = []

    def __call__(self, target: str, *, heartbeat_margin: float = 10.0) -> AsyncClient:
        pacing = Pacing(uniform=lambda _, high: high, heartbeat_margin=heartbeat_margin)
        if self._blocking:
            client = in_threads(Client(target, _pacing=pacing, _sleep=self._sleeps.blocked))
        else:
            client = AsyncClient(target, _pacing=pacing, _sleep=self._sleeps.awaited)
        self._made.append(client)
        return client

    async def aclose(self) -> None:
        for client in self._made:
            await client.aclose()
