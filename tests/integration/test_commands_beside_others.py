"""Commands of `tocsin` while others write."""

from collections.abc import AsyncIterator
from datetime import UTC

import pytest
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.inbox_pb2 import Inbox
from tocsin_client import Aborted, AsyncClient
from tocsin_client.cli.channel_update import LabelChanges
from tocsin_client.cli.inbox_listing import list_by_channel
from tocsin_client.cli.marks import mark_selected
from tocsin_client.cli.selection import Selection
from tocsin_server.testing import LocalServer


class Overtaken(AsyncClient):
    """Another client writes after each of its reads."""

    async def get_inbox(self, user_id: str, *, timeout: float | None = None) -> Inbox:
        inbox = await super().get_inbox(user_id, timeout=timeout)
        await self.send("news", "meanwhile", to=user_id)
        return inbox

    async def get_channel(self, channel_id: str, *, timeout: float | None = None) -> Channel:
        channel = await super().get_channel(channel_id, timeout=timeout)
        if "theirs" not in channel.labels:
            await self.update_channel(channel_id, labels={**channel.labels, "theirs": "1"})
        return channel


class Outrun(AsyncClient):
    """Another client is always faster."""

    async def get_channel(self, channel_id: str, *, timeout: float | None = None) -> Channel:
        channel = await super().get_channel(channel_id, timeout=timeout)
        await self.update_channel(channel_id, description=channel.description + ".")
        return channel


@pytest.fixture
async def client(tocsin_server: LocalServer) -> AsyncIterator[AsyncClient]:
    async with Overtaken(tocsin_server.target) as client:
        await client.create_channel("news", title="News", labels={"kept": "1", "old": "1"})
        yield client


@pytest.mark.parametrize("channel_ids", [None, ["news"]])
async def test_a_mark_leaves_what_arrived_after_the_look(
    client: AsyncClient, channel_ids: list[str] | None
) -> None:
    await client.send("news", "before", to="alice")

    response = await mark_selected(client, "alice", "read", ids=None, channel_ids=channel_ids)

    assert response.updated_count == 1
    listed = [n async for n in client.list_notifications("alice")]
    assert [(n.message.title, n.HasField("read_time")) for n in listed] == [
        ("meanwhile", False),
        ("before", True),
    ]


async def test_a_mark_of_an_empty_inbox_leaves_what_arrived_after_the_look(
    client: AsyncClient,
) -> None:
    response = await mark_selected(client, "alice", "read", ids=None, channel_ids=None)

    assert response.updated_count == 0
    listed = [n async for n in client.list_notifications("alice")]
    assert listed
    assert not any(n.HasField("read_time") for n in listed)


@pytest.mark.parametrize("limit", [None, 1])
async def test_a_listing_is_of_what_was_there_at_the_look(
    client: AsyncClient, limit: int | None
) -> None:
    await client.send("news", "before", to="alice")
    selection = Selection("alice", frozenset(), limit, unread_only=False)

    shown = [entry async for entry in list_by_channel(client, selection, UTC)]

    assert shown[0].line().plain.startswith("alice  1 notification,")
    assert [entry.words.plain for entry in shown[3:]] == ["before"]


async def test_labels_that_another_client_sets_meanwhile_stay(client: AsyncClient) -> None:
    label_changes = LabelChanges({"ours": "1"}, frozenset({"old"}), clears=False)

    channel = await label_changes.update(client, "news", title=None, description=None, etag="")

    assert channel.labels == {"kept": "1", "theirs": "1", "ours": "1"}


async def test_an_update_that_is_always_overtaken_gives_up(tocsin_server: LocalServer) -> None:
    label_changes = LabelChanges({"ours": "1"}, frozenset(), clears=False)

    async with Outrun(tocsin_server.target) as client:
        await client.create_channel("news", title="News")
        with pytest.raises(Aborted):
            await label_changes.update(client, "news", title=None, description=None, etag="")
