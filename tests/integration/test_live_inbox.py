"""An inbox in memory that follows a real server: it shows what the server has."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from tocsin.v1.inbox_pb2 import NotificationFilter, NotificationSelector
from tocsin.v1.inbox_service_pb2 import UpdateNotificationsRequest
from tocsin_client import AsyncClient, AsyncLiveInbox, Client, InboxChange
from tocsin_server.settings import Settings

from tests.integration.conftest import Serve
from tests.support.asking import LARGE, numbered
from tests.support.blocking import in_threads
from tests.support.proxy import proxied
from tests.support.serving import Served
from tests.support.waiting import DEADLINE_SECONDS

Connect = Callable[[str], AsyncClient]


@pytest.fixture(params=["AsyncClient", "Client"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Makes clients of each kind."""
    if request.param == "Client":
        return lambda target: in_threads(Client(target))
    return AsyncClient


def titles(inbox: AsyncLiveInbox) -> list[str]:
    return [notification.message.title for notification in inbox.notifications]


async def until_revision(inbox: AsyncLiveInbox, revision: int) -> None:
    await inbox.wait_for(lambda: inbox.revision >= revision, DEADLINE_SECONDS)


async def check(inbox: AsyncLiveInbox, server: Served) -> None:
    """The inbox shows what the server has now."""
    head = await server.client.get_inbox("alice")
    await until_revision(inbox, head.revision)
    listed = [n async for n in server.client.list_notifications("alice", page_size=1_000)]
    assert list(inbox.notifications) == [n for n in listed if n.arrive_revision >= inbox.floor]
    assert (inbox.revision, inbox.total_count, inbox.unread_count, inbox.unseen_count) == (
        head.revision,
        head.total_count,
        head.unread_count,
        head.unseen_count,
    )


async def test_it_shows_what_is_sent_marked_and_deleted(server: Served, connect: Connect) -> None:
    await server.messages.BatchSendMessages(numbered(5, "alice", "bob"))

    async with (
        connect(server.target) as client,
        client.inbox("alice", snapshot_size=3) as inbox,
    ):
        first = (titles(inbox), inbox.total_count, inbox.floor)
        await server.client.send("offers", "An offer", to="alice")
        await until_revision(inbox, 6)
        arrived = (titles(inbox)[0], inbox.unread_count, inbox.channels["offers"].total_count)
        await server.inboxes.UpdateNotifications(
            UpdateNotificationsRequest(
                user_id="alice",
                selector=NotificationSelector(all=True, up_to_revision=4),
                read=True,
            )
        )
        await check(inbox, server)
        unread = inbox.select(filter=NotificationFilter.NOTIFICATION_FILTER_UNREAD)
        await server.client.delete_channel("offers", force=True)
        await inbox.wait_for(lambda: "offers" not in inbox.channels, DEADLINE_SECONDS)
        await check(inbox, server)

    assert first == (["5", "4", "3"], 5, 3)
    assert arrived == ("An offer", 6, 1)
    assert [notification.message.title for notification in unread] == ["An offer", "5"]
    assert (titles(inbox), inbox.unread_count) == (["5", "4", "3"], 1)


@pytest.mark.parametrize("shown", [0, 3])
async def test_marks_do_not_reach_what_is_not_shown_yet(
    server: Served, connect: Connect, shown: int
) -> None:
    await server.messages.BatchSendMessages(numbered(shown, "alice") if shown else numbered(1, "b"))

    async with (
        proxied(server.target) as link,
        connect(link.target) as client,
        client.inbox("alice") as inbox,
    ):
        link.stall()
        await server.client.send("news", "Not shown yet", to="alice")
        answer = await inbox.mark_read(all=True)
        before = inbox.revision
        link.heal()
        await check(inbox, server)
        unread = inbox.unread_count
        one = await inbox.mark_unread(ids=[inbox.notifications[-1].notification_id])
        await inbox.mark_seen(channel_ids="news")
        await check(inbox, server)

    assert (before, answer.updated_count, unread) == (shown, shown, 1)
    assert one.updated_count == (1 if shown else 0)
    assert (inbox.unread_count, inbox.unseen_count) == (2 if shown else 1, 0)


async def test_a_snapshot_of_several_responses_shows_at_once(
    server: Served, connect: Connect
) -> None:
    await server.messages.BatchSendMessages(numbered(60, "alice", content=LARGE))
    changes: list[InboxChange] = []

    async with connect(server.target) as client:
        inbox = client.inbox("alice", snapshot_size=100)
        inbox.on_change(changes.append)
        async with inbox:
            await check(inbox, server)

    assert [len(change.arrived) for change in changes] == [60]
    assert inbox.floor == 0


async def test_it_shows_a_burst_whole_and_tells_each_arrival_once(
    server: Served, connect: Connect
) -> None:
    changes: list[InboxChange] = []

    async with connect(server.target) as client, client.inbox("alice") as inbox:
        inbox.on_change(changes.append)
        await asyncio.gather(
            *(server.messages.BatchSendMessages(numbered(100, "alice")) for _ in range(5))
        )
        await check(inbox, server)

    arrived = [notification for change in changes for notification in change.arrived]
    assert [notification.arrive_revision for notification in arrived] == list(range(1, 501))
    assert arrived[::-1] == list(inbox.notifications)


async def test_it_survives_restarts_of_its_server(
    serve: Serve, settings: Settings, tmp_path: Path, connect: Connect
) -> None:
    settings = replace(settings, listen=f"unix:{tmp_path / 'server.sock'}")
    changes: list[InboxChange] = []
    async with connect(settings.listen) as client, AsyncExitStack() as stack:
        inbox = client.inbox("alice")
        inbox.on_change(changes.append)
        for life in range(3):
            async with serve(settings) as server:
                if life == 0:
                    await server.client.create_channel("news", title="News")
                    await stack.enter_async_context(inbox)
                await server.messages.BatchSendMessages(numbered(20, "alice"))
                await check(inbox, server)

    assert [change.starts_over for change in changes] == [True] + [False] * (len(changes) - 1)
    arrived = [n.arrive_revision for change in changes for n in change.arrived]
    assert arrived == list(range(1, 61))


async def test_it_survives_cuts_of_its_link(server: Served, connect: Connect) -> None:
    async with (
        proxied(server.target) as link,
        connect(link.target) as client,
        client.inbox("alice") as inbox,
    ):
        for cuts in range(5):
            link.cut(reset=cuts % 2 == 0)
            await server.messages.BatchSendMessages(numbered(20, "alice"))
            await check(inbox, server)

    assert link.accepted > 5
    assert inbox.total_count == 100
