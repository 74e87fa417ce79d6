"""What a server takes before it does anything: memory a stream, and time to start."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.benchmarks.load import STREAMS_A_CONNECTION, open_streams
from tests.benchmarks.samples import users
from tests.benchmarks.servers import Program, Server, running
from tests.benchmarks.sizes import Round, Sizes

SETTLING_STEP = 0.2
SETTLING_STEPS = 25


@asynccontextmanager
async def idle_memory(program: Program, sizes: Sizes) -> AsyncIterator[Round]:
    """A fresh server with many idle streams of as many users: memory a stream, KiB."""
    user_ids = users(STREAMS_A_CONNECTION + sizes.idle_streams)
    warming, idle = user_ids[:STREAMS_A_CONNECTION], user_ids[STREAMS_A_CONNECTION:]

    async def one_round() -> dict[str, float]:
        async with running(program) as server:
            async with open_streams(server.target, warming):
                pass
            before = await _settled_bytes(server)
            async with open_streams(server.target, idle):
                after = await _settled_bytes(server)
        return {"memory": (after - before) / len(idle) / 1024}

    yield one_round


@asynccontextmanager
async def start(program: Program, sizes: Sizes) -> AsyncIterator[Round]:
    """From the spawn to the ready line, on an empty store: seconds."""

    async def one_round() -> dict[str, float]:
        async with running(program) as server:
            return {"start": server.ready - server.spawned}

    yield one_round


async def _settled_bytes(server: Server) -> int:
    """Reads the memory once it no longer changes, or after five seconds."""
    held = server.resident_bytes()
    for _ in range(SETTLING_STEPS):
        await asyncio.sleep(SETTLING_STEP)
        before, held = held, server.resident_bytes()
        if held == before:
            break
    return held
