"""How the command line reads the channels that a person names."""

import asyncio

import pytest
from tocsin.v1.channel_pb2 import Channel
from tocsin_client import AsyncClient, NotFound
from tocsin_client.cli.selection import get_channels
from tocsin_server.testing import LocalServer


class Together(AsyncClient):
    """It reads a channel once two reads have begun."""

    both: asyncio.Barrier

    async def get_channel(self, channel_id: str, *, timeout: float | None = None) -> Channel:
        async with asyncio.timeout(60):
            await self.both.wait()
        return await super().get_channel(channel_id, timeout=timeout)


async def test_channels_are_read_at_once_and_each_once(tocsin_server: LocalServer) -> None:
    async with Together(tocsin_server.target) as client:
        client.both = asyncio.Barrier(2)
        await client.create_channel("news", title="News")
        await client.create_channel("billing", title="Billing")

        channels = await get_channels(client, ["news", "billing", "news"])

    assert [channel.title for channel in channels] == ["Billing", "News"]


async def test_a_channel_that_does_not_exist_is_an_error_beside_others_that_do(
    tocsin_server: LocalServer,
) -> None:
    async with AsyncClient(tocsin_server.target) as client:
        await client.create_channel("news", title="News")

        with pytest.raises(NotFound) as refusal:
            await get_channels(client, ["news", "nowhere"])

    assert refusal.value.metadata == {"channel_id": "nowhere"}
