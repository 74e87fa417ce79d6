"""Two servers on one PostgreSQL: their transactions meet, and neither knows of the other."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from tocsin.v1.channel_service_pb2 import DeleteChannelRequest
from tocsin.v1.inbox_pb2 import Inbox, Notification, NotificationSelector
from tocsin.v1.inbox_service_pb2 import UpdateNotificationsRequest
from tocsin_client import AlreadyExists, NotFound, TocsinError
from tocsin_server.settings import Settings

from tests.support.postgres import Postgres
from tests.support.serving import Served, served
from tests.support.waiting import DEADLINE_SECONDS

USERS = [f"user-{n}" for n in range(12)]


@pytest.fixture
async def servers(postgres_url: str) -> AsyncIterator[tuple[Served, Served]]:
    """Two servers, which sweep often; the channels `news` and `offers` are there."""
    settings = Settings(database_url=postgres_url, listen="127.0.0.1:0")
    async with (
        served(settings, sweep_seconds=0.02) as one,
        served(settings, sweep_seconds=0.02) as other,
    ):
        for channel_id in ("news", "offers"):
            await one.client.create_channel(channel_id, title=channel_id.title())
        yield one, other


async def test_one_request_id_at_both_at_once_is_one_message(
    servers: tuple[Served, Served],
) -> None:
    for number in range(30):
        sent = await asyncio.gather(
            *(
                server.client.send("news", "Once", to=["alice", "bob"], request_id=f"r-{number}")
                for server in servers
                for _ in range(2)
            )
        )
        assert len({each.message.message_id for each in sent}) == 1

    assert (await servers[0].client.get_inbox("alice")).total_count == 30


async def test_one_channel_created_at_both_at_once_is_one_channel(
    servers: tuple[Served, Served],
) -> None:
    async def create(server: Served, number: int) -> bool:
        try:
            await server.client.create_channel(f"channel-{number}", title="New")
        except AlreadyExists:
            return False
        return True

    for number in range(20):
        created = await asyncio.gather(*(create(server, number) for server in servers))
        assert sorted(created) == [False, True]


async def send_many(server: Served, number: int, under_way: asyncio.Event) -> None:
    """Sends to some of the users, in one order after the other."""
    for each in range(15):
        if each == 7:
            under_way.set()
        users = [USERS[(number * 5 + each * 7 + n) % len(USERS)] for n in range(8)]
        channel_id = "offers" if each % 4 == 0 else "news"
        try:
            await server.client.send(channel_id, f"{number}-{each}", to=users)
        except NotFound:
            assert channel_id == "offers"


async def mark_many(server: Served, number: int) -> None:
    """Marks one user's inbox after the other's."""
    for each in range(15):
        await server.inboxes.UpdateNotifications(
            UpdateNotificationsRequest(
                user_id=USERS[(number + each * 5) % len(USERS)],
                selector=NotificationSelector(all=True),
                read=each % 3 != 0,
            )
        )


async def delete_offers(server: Served, under_way: asyncio.Event) -> None:
    """Deletes the channel in the middle of it."""
    await under_way.wait()
    await server.channels.DeleteChannel(DeleteChannelRequest(channel_id="offers", force=True))


async def offers_are_gone(server: Served) -> None:
    """Returns once the channel's id is free again: then all that it had is gone."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            try:
                await server.client.create_channel("offers", title="Again")
            except TocsinError:
                continue
            return


def assert_counted(inbox: Inbox, listed: Sequence[Notification]) -> None:
    """The counters are those of a recount."""
    unread = sum(not n.HasField("read_time") for n in listed)
    unseen = sum(not n.HasField("seen_time") for n in listed)
    counts = (inbox.total_count, inbox.unread_count, inbox.unseen_count)
    assert counts == (len(listed), unread, unseen)


async def test_what_both_change_at_once_is_ordered_and_counted_without_a_deadlock(
    servers: tuple[Served, Served], postgres: Postgres
) -> None:
    """Sends to many in every order, marks, and a channel that goes, all in the same inboxes."""
    before = postgres.log
    one, other = servers
    streams = [server.subscribe(user, snapshot_size=1_000) for user in USERS for server in servers]
    await asyncio.gather(*(stream.until_caught_up() for stream in streams))
    under_way = asyncio.Event()

    await asyncio.gather(
        delete_offers(other, under_way),
        *(send_many(server, n, under_way) for n in range(4) for server in servers),
        *(mark_many(server, n) for n in range(4) for server in servers),
    )
    await offers_are_gone(one)

    for user, *of_user in zip(USERS, streams[::2], streams[1::2], strict=True):
        inbox = await one.client.get_inbox(user)
        listed = [n async for n in other.client.list_notifications(user)]
        assert_counted(inbox, listed)
        assert {n.message.channel_id for n in listed} == {"news"}
        assert len({n.message.message_id for n in listed}) == len(listed)
        for stream in of_user:
            await stream.until_revision(inbox.revision)
            assert stream.proof.listed == listed
            stream.cancel()
    assert "deadlock detected" not in postgres.log[len(before) :]
