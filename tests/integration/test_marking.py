"""Marks: what a user does on one device shows on the others, and in every count."""

import asyncio
from collections.abc import Sequence

import pytest
from grpc import StatusCode
from tocsin.v1.channel_service_pb2 import DeleteChannelRequest
from tocsin.v1.inbox_pb2 import (
    ChannelCounters,
    ChannelIds,
    Inbox,
    InboxChannel,
    Notification,
    NotificationIds,
    NotificationSelector,
)
from tocsin.v1.inbox_service_pb2 import (
    ListInboxChannelsRequest,
    SubscribeRequest,
    SubscribeResponse,
    UpdateNotificationsRequest,
    UpdateNotificationsResponse,
)

from tests.support.asking import LARGE, numbered, send_request
from tests.support.failures import failing
from tests.support.serving import Served
from tests.support.streams import Replica, Stream

ALL = NotificationSelector(all=True)


def of_channels(*channel_ids: str, up_to_revision: int = 0) -> NotificationSelector:
    return NotificationSelector(
        channel_ids=ChannelIds(channel_ids=channel_ids), up_to_revision=up_to_revision
    )


def of_ids(*notification_ids: str) -> NotificationSelector:
    return NotificationSelector(ids=NotificationIds(notification_ids=notification_ids))


async def mark(
    server: Served,
    selector: NotificationSelector = ALL,
    *,
    user_id: str = "alice",
    read: bool | None = None,
    seen: bool | None = None,
    request_id: str = "",
) -> UpdateNotificationsResponse:
    return await server.inboxes.UpdateNotifications(
        UpdateNotificationsRequest(
            user_id=user_id, selector=selector, read=read, seen=seen, request_id=request_id
        )
    )


async def listed(server: Served, user_id: str = "alice") -> list[Notification]:
    return [n async for n in server.client.list_notifications(user_id)]


async def inbox_channels(
    server: Served, *, unread_only: bool = False, page_size: int = 0
) -> list[InboxChannel]:
    request = ListInboxChannelsRequest(
        user_id="alice", unread_only=unread_only, page_size=page_size
    )
    found: list[InboxChannel] = []
    while True:
        page = await server.inboxes.ListInboxChannels(request)
        found += page.inbox_channels
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


async def resumed(server: Served, replica: Replica) -> Sequence[SubscribeResponse]:
    """Resumes a replica from its cursor, up to the head."""
    request = SubscribeRequest(user_id="alice", cursor=replica.cursor)
    async with Stream(server.inboxes.Subscribe(request), replica) as stream:
        responses = await stream.until_caught_up()
    assert stream.phases == ["REPLAY"]
    return responses


async def test_what_is_read_on_one_device_is_read_on_the_other(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(3, "alice", "bob"))
    async with server.subscribe("alice") as device, server.subscribe("bob") as colleague:
        await device.until_caught_up()
        await colleague.until_caught_up()
        chosen = device.proof.listed[1].notification_id

        answer = await mark(server, of_ids(chosen), read=True)
        await device.until_revision(4)

        assert answer.updated_count == 1
        assert answer.inbox == device.proof.inbox
        assert answer.inbox == Inbox(
            user_id="alice", revision=4, total_count=3, unread_count=2, unseen_count=2
        )
        assert device.proof.listed == await listed(server)
        assert [n.HasField("read_time") for n in device.proof.listed] == [False, True, False]
        assert device.proof.notifications[chosen].revision == 4
        assert device.proof.notifications[chosen].arrive_revision == 2
    assert (await server.client.get_inbox("bob")).unread_count == 3


async def test_marking_all_is_one_change_of_the_stream(server: Served) -> None:
    await server.client.send("offers", "one", to="alice")
    await server.messages.BatchSendMessages(numbered(120, "alice"))
    async with server.subscribe("alice", snapshot_size=1_000) as stream:
        await stream.until_caught_up()

        answer = await mark(server, read=True)
        await stream.until_revision(122)

    assert answer.updated_count == 121
    assert stream.proof.inbox == answer.inbox
    assert answer.inbox.unread_count == answer.inbox.unseen_count == 0
    assert stream.proof.listed == await listed(server)
    assert stream.proof.channel_counters["offers"] == ChannelCounters(
        channel_id="offers", total_count=1
    )


async def test_a_replay_of_a_mark_is_one_change_too(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(30, "alice"))
    async with server.subscribe("alice") as stream:
        await stream.until_caught_up()
    replica = stream.proof

    await mark(server, of_channels("news", up_to_revision=20), seen=True)
    responses = await resumed(server, replica)

    (change,) = [change for response in responses for change in response.changes]
    assert change.revision == 31
    assert change.marked.selector == of_channels("news", up_to_revision=20)
    assert (change.marked.seen, change.marked.HasField("read")) == (True, False)
    assert replica.listed == await listed(server)
    assert replica.inbox.unseen_count == 10


async def test_a_mark_up_to_a_revision_leaves_later_notifications(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(2, "alice"))
    looked = await server.client.get_inbox("alice")
    await server.client.send("news", "late", to="alice")

    selector = NotificationSelector(all=True, up_to_revision=looked.revision)
    answer = await mark(server, selector, seen=True)

    assert answer.updated_count == 2
    assert [n.HasField("seen_time") for n in await listed(server)] == [False, True, True]


async def test_what_changes_nothing_takes_no_revision(server: Served) -> None:
    await server.client.send("news", "one", to="alice")
    first = await mark(server, read=True)

    again = await mark(server, read=True)
    unknown = await mark(server, of_ids("nothing"), read=True)
    nobody = await mark(server, user_id="nobody", read=True)

    assert again == unknown == UpdateNotificationsResponse(inbox=first.inbox, updated_count=0)
    assert nobody == UpdateNotificationsResponse(inbox=Inbox(user_id="nobody"))


async def test_the_ids_of_another_user_do_nothing(server: Served) -> None:
    await server.client.send("news", "one", to=["alice", "bob"])
    (bobs,) = await listed(server, "bob")

    answer = await mark(server, of_ids(bobs.notification_id), read=True)

    assert answer.updated_count == 0
    assert [n.HasField("read_time") for n in await listed(server, "bob")] == [False]


async def test_a_repeat_is_answered_again_and_another_body_is_refused(server: Served) -> None:
    await server.client.send("news", "one", to="alice")
    first = await mark(server, read=True, request_id="r-1")
    await mark(server, read=False)

    assert await mark(server, read=True, request_id="r-1") == first
    failure = await failing(mark(server, seen=True, request_id="r-1"))

    assert (failure.code, failure.reason) == (StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert (await server.client.get_inbox("alice")).unread_count == 1


async def test_every_mistake_is_in_one_answer(server: Served) -> None:
    failure = await failing(
        mark(
            server,
            NotificationSelector(up_to_revision=-1),
            user_id="",
            read=True,
            seen=False,
            request_id="r" * 129,
        )
    )

    assert failure.code is StatusCode.INVALID_ARGUMENT
    assert sorted(failure.fields) == [
        "read",
        "request_id",
        "selector.target",
        "selector.up_to_revision",
        "user_id",
    ]


@pytest.mark.parametrize("message_id", ["\0", "", "é", "x" * 1_000], ids=ascii)
async def test_ids_that_no_notification_can_have_are_ignored(
    server: Served, message_id: str
) -> None:
    await server.messages.SendMessage(send_request("alice"))
    (notification,) = await listed(server)
    suffix = notification.notification_id[-17:]

    response = await mark(
        server, of_ids(message_id + suffix, notification.notification_id), read=True
    )

    assert response.updated_count == 1


async def test_large_notifications_marked_together_catch_up_in_pages(server: Served) -> None:
    for _ in range(3):
        await server.messages.BatchSendMessages(numbered(20, "alice", content=LARGE))
    async with server.subscribe("alice", snapshot_size=1_000) as stream:
        await stream.until_caught_up()
        ids = [n.notification_id for n in stream.proof.listed]

        await mark(server, of_ids(*ids), read=True)
        await stream.until_revision(61)

    assert stream.proof.listed == await listed(server)
    assert stream.proof.inbox.unread_count == 0


async def test_marks_and_arrivals_at_once_leave_every_device_with_the_same(server: Served) -> None:
    devices = [server.subscribe("alice", snapshot_size=1_000) for _ in range(4)]
    await asyncio.gather(*(device.until_caught_up() for device in devices))

    async def arrive(number: int) -> None:
        for each in range(15):
            channel_id = ("news", "offers")[(number + each) % 2]
            request = send_request("alice", channel_id=channel_id, title=f"{number}-{each}")
            await server.messages.SendMessage(request)

    async def read(number: int) -> None:
        for each in range(15):
            selector = (ALL, of_channels("news"), of_channels("offers"))[(number + each) % 3]
            await mark(server, selector, read=each % 3 != 0)
            if latest := (await listed(server))[:3]:
                chosen = of_ids(*(n.notification_id for n in latest))
                await mark(server, chosen, seen=each % 2 == 0)

    await asyncio.gather(*map(arrive, range(4)), *map(read, range(3)))
    head = await server.client.get_inbox("alice")
    await asyncio.gather(*(device.until_revision(head.revision) for device in devices))

    now = await listed(server)
    for device in devices:
        assert device.proof.listed == now
        assert device.proof.inbox == head
        device.cancel()


async def test_the_channels_of_an_inbox_are_listed_latest_arrival_first(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(3, "alice"))
    await server.client.send("offers", "four", to="alice")
    await server.client.send("news", "five", to="alice")
    await server.client.send("offers", "six", to="bob")
    await mark(server, of_channels("offers"), read=True)

    found = await inbox_channels(server)

    assert [(c.channel.channel_id, c.channel.title) for c in found] == [
        ("news", "News"),
        ("offers", "Offers"),
    ]
    assert [(c.total_count, c.unread_count, c.unseen_count) for c in found] == [
        (4, 4, 4),
        (1, 0, 0),
    ]
    assert [c.latest_notification.message.title for c in found] == ["five", "four"]
    assert found[0].channel == await server.client.get_channel("news")
    assert [c.latest_notification for c in found] == (await listed(server))[:2]
    assert await inbox_channels(server, unread_only=True) == found[:1]
    assert await inbox_channels(server, page_size=1) == found


async def test_a_user_never_seen_has_no_channels(server: Served) -> None:
    assert await inbox_channels(server) == []


@pytest.mark.parametrize("page_size", [1, 2, 5, 0])
async def test_many_channels_come_in_pages_none_lost_none_twice(
    server: Served, page_size: int
) -> None:
    for number in range(7):
        await server.client.create_channel(f"channel-{number}", title="x" * 200)
        await server.client.send(f"channel-{number}", "one", to="alice", content=LARGE[:100])

    found = await inbox_channels(server, page_size=page_size)

    assert [c.channel.channel_id for c in found] == [f"channel-{n}" for n in range(6, -1, -1)]


async def test_a_deleted_channels_notifications_leave_every_device_live(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(5, "alice"))
    await server.client.send("offers", "stays", to="alice")
    async with server.subscribe("alice") as device, server.subscribe("alice") as other:
        await device.until_caught_up()
        await other.until_caught_up()
        other.cancel()

        await server.channels.DeleteChannel(DeleteChannelRequest(channel_id="news", force=True))
        await device.until_revision(7)

    assert [n.message.title for n in device.proof.listed] == ["stays"]
    assert device.proof.inbox == await server.client.get_inbox("alice")
    assert [c.channel.channel_id for c in await inbox_channels(server)] == ["offers"]
    responses = await resumed(server, other.proof)
    assert len({change.removed for each in responses for change in each.changes}) == 5
    assert other.proof.listed == device.proof.listed == await listed(server)
