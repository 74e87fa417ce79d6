import asyncio

import pytest
from grpc import StatusCode
from tocsin.v1.inbox_pb2 import Inbox, NotificationFilter
from tocsin.v1.inbox_service_pb2 import GetInboxRequest, ListNotificationsRequest

from tests.support.asking import LARGE, numbered, send_request
from tests.support.failures import failing
from tests.support.serving import Served
from tests.support.streams import RESPONSE_BYTES


async def test_the_inbox_of_a_user_never_seen_is_empty(server: Served) -> None:
    answer = await server.inboxes.GetInbox(GetInboxRequest(user_id="nobody"))

    assert answer.inbox == Inbox(user_id="nobody")
    assert [n async for n in server.client.list_notifications("nobody")] == []


async def test_an_inbox_is_counted(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(3, "alice"))

    answer = await server.inboxes.GetInbox(GetInboxRequest(user_id="alice"))

    assert answer.inbox == Inbox(
        user_id="alice", revision=3, total_count=3, unread_count=3, unseen_count=3
    )


async def test_a_notification_carries_its_message_whole(server: Served) -> None:
    sent = await server.messages.SendMessage(send_request("alice", "bob", content="text"))

    (alices,) = [n async for n in server.client.list_notifications("alice")]
    (bobs,) = [n async for n in server.client.list_notifications("bob")]

    assert alices.message == bobs.message == sent.message
    assert (alices.user_id, bobs.user_id) == ("alice", "bob")
    assert alices.notification_id != bobs.notification_id
    assert (alices.revision, alices.arrive_revision) == (1, 1)
    assert alices.HasField("receive_time")
    assert not alices.HasField("seen_time")
    assert not alices.HasField("read_time")


@pytest.mark.parametrize("page_size", [0, 1, 7, 1_000])
async def test_notifications_are_listed_latest_first(server: Served, page_size: int) -> None:
    await server.messages.BatchSendMessages(numbered(20, "alice"))

    listed = [
        n.message.title
        async for n in server.client.list_notifications("alice", page_size=page_size)
    ]

    assert listed == [str(number) for number in range(20, 0, -1)]


async def test_notifications_are_listed_by_channel_and_filter(server: Served) -> None:
    await server.client.send("news", "one", to="alice")
    await server.client.send("offers", "two", to="alice")

    async def titles(
        *channel_ids: str,
        which: NotificationFilter.ValueType = NotificationFilter.NOTIFICATION_FILTER_UNSPECIFIED,
    ) -> list[str]:
        listing = server.client.list_notifications("alice", channel_ids=channel_ids, filter=which)
        return [notification.message.title async for notification in listing]

    assert await titles() == ["two", "one"]
    assert await titles("news") == ["one"]
    assert await titles("offers", "news", "offers") == ["two", "one"]
    assert await titles("nowhere") == []
    assert await titles(which=NotificationFilter.NOTIFICATION_FILTER_UNREAD) == ["two", "one"]
    assert await titles(which=NotificationFilter.NOTIFICATION_FILTER_READ) == []


async def test_a_page_token_belongs_to_its_user_and_query(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(3, "alice", "bob"))
    query = ListNotificationsRequest(user_id="alice", page_size=1)
    token = (await server.inboxes.ListNotifications(query)).next_page_token

    for other in (
        ListNotificationsRequest(user_id="bob", page_token=token),
        ListNotificationsRequest(user_id="alice", channel_ids=["news"], page_token=token),
        ListNotificationsRequest(
            user_id="alice",
            filter=NotificationFilter.NOTIFICATION_FILTER_UNREAD,
            page_token=token,
        ),
    ):
        failure = await failing(server.inboxes.ListNotifications(other))
        assert (failure.code, failure.reason) == (
            StatusCode.INVALID_ARGUMENT,
            "PAGE_TOKEN_INVALID",
        )
        assert failure.fields == ["page_token"]
    of_another_size = ListNotificationsRequest(user_id="alice", page_size=2, page_token=token)
    page = await server.inboxes.ListNotifications(of_another_size)
    assert [n.message.title for n in page.notifications] == ["2", "1"]


async def test_every_violated_field_of_a_list_is_in_one_answer(server: Served) -> None:
    request = ListNotificationsRequest(
        user_id="no user", channel_ids=["News"], page_size=-1, page_token="nonsense"
    )

    failure = await failing(server.inboxes.ListNotifications(request))

    assert failure.code is StatusCode.INVALID_ARGUMENT
    assert sorted(failure.fields) == ["channel_ids[0]", "page_size", "page_token", "user_id"]


async def test_a_bad_user_id_is_named(server: Served) -> None:
    failure = await failing(server.inboxes.GetInbox(GetInboxRequest(user_id="")))

    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert failure.fields == ["user_id"]


async def test_pages_of_large_notifications_fit_a_response(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(60, "alice", content=LARGE))
    request = ListNotificationsRequest(user_id="alice", page_size=1_000)
    titles: list[str] = []

    while True:
        page = await server.inboxes.ListNotifications(request)
        assert page.ByteSize() <= RESPONSE_BYTES
        titles += [n.message.title for n in page.notifications]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token

    assert titles == [str(number) for number in range(60, 0, -1)]


async def test_two_users_never_see_each_other(server: Served) -> None:
    async with server.subscribe("alice") as alices, server.subscribe("bob") as bobs:
        await asyncio.gather(
            *(
                server.messages.SendMessage(send_request(user, title=f"for {user}"))
                for _ in range(20)
                for user in ("alice", "bob")
            )
        )
        await alices.until_revision(20)
        await bobs.until_revision(20)

    for user, stream in (("alice", alices), ("bob", bobs)):
        listed = [n async for n in server.client.list_notifications(user)]
        assert {n.message.title for n in listed} == {f"for {user}"}
        assert stream.proof.listed == listed
        assert {n.user_id for n in stream.proof.listed} == {user}
