"""Unary calls to a server that accepts connections and answers nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from tocsin_client import AsyncClient, Client, DeadlineExceeded, _async_unary, _retries

from tests.support.blocking import in_threads


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """Where a server listens that answers nothing."""
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for writer in writers:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("kind", ["AsyncClient", "Client"])
async def test_the_error_distinguishes_a_silent_server_from_a_missing_one(
    kind: str, silent: str
) -> None:
    made = AsyncClient(silent) if kind == "AsyncClient" else in_threads(Client(silent))

    async with made as client:
        with pytest.raises(DeadlineExceeded, match="the server is slow, or nothing serves"):
            await client.get_inbox("alice", timeout=0.3)


async def test_closing_during_the_probe_cancels_no_caller(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    probing = asyncio.Event()
    obstacle_of = _async_unary.AsyncCalls._obstacle

    async def noted(self: _async_unary.AsyncCalls, seconds: float) -> str:
        probing.set()
        return await obstacle_of(self, 1_000 * seconds)

    monkeypatch.setattr(_async_unary.AsyncCalls, "_obstacle", noted)
    monkeypatch.setattr(_retries, "_PROBE_SECONDS", 20.0)
    client = AsyncClient(silent)
    call = asyncio.ensure_future(client.get_inbox("alice", timeout=0.3))
    await probing.wait()

    await client.aclose()

    with pytest.raises(DeadlineExceeded):
        await call


async def test_a_caller_that_is_cancelled_during_the_probe_is_cancelled(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    probing = asyncio.Event()

    async def hold(*_: object) -> str:
        probing.set()
        await asyncio.Event().wait()
        return ""

    monkeypatch.setattr(_async_unary.AsyncCalls, "_obstacle", hold)
    async with AsyncClient(silent) as client:
        call = asyncio.ensure_future(client.get_inbox("alice", timeout=0.3))
        await probing.wait()

        call.cancel()

        with pytest.raises(asyncio.CancelledError):
            await call
