"""Unary calls that end in vain, on a connection that takes them and answers nothing."""

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
async def test_a_server_that_answers_nothing_is_told_apart_from_none(
    kind: str, silent: str
) -> None:
    made = AsyncClient(silent) if kind == "AsyncClient" else in_threads(Client(silent))

    async with made as client:
        with pytest.raises(DeadlineExceeded, match="the server is slow, or nothing serves"):
            await client.get_inbox("alice", timeout=0.3)


async def test_closing_while_it_is_found_out_why_cancels_nobody(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    probing = asyncio.Event()
    find_out = _async_unary.AsyncCalls._obstacle

    async def noted(self: _async_unary.AsyncCalls, failure: object, seconds: float) -> str:
        probing.set()
        return await find_out(self, failure, 1_000 * seconds)  # type: ignore[arg-type]  # as given

    monkeypatch.setattr(_async_unary.AsyncCalls, "_obstacle", noted)
    monkeypatch.setattr(_retries, "_PROBE_SECONDS", 20.0)
    client = AsyncClient(silent)
    call = asyncio.ensure_future(client.get_inbox("alice", timeout=0.3))
    await probing.wait()

    await client.aclose()

    with pytest.raises(DeadlineExceeded):
        await call


async def test_whoever_cancels_while_it_is_found_out_why_is_heard(
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
