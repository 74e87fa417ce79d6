from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
from tocsin.v1.inbox_service_pb2_grpc import (
    InboxServiceServicer,
    add_InboxServiceServicer_to_server,
)

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
