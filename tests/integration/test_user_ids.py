"""Ids as identity providers give them, in everything that names a user."""

import pytest
from tocsin.v1.inbox_pb2 import NotificationIds, NotificationSelector
from tocsin.v1.inbox_service_pb2 import (
    GetInboxRequest,
    ListNotificationsRequest,
    SubscribeRequest,
    UpdateNotificationsRequest,
)

from tests.support.asking import numbered
from tests.support.serving import Served

# Nothing here depends on what a hub tells.
pytestmark = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)

USER_IDS = [
    *("auth0|65f0", "google-oauth2|1", "o'brien@example.com", "_svc", "+15551234"),
    *("DOMAIN\\joe", '"quoted"', "{[,:]}", "%_%", "$1", "?", "alice", "Alice"),
    # Composed and decomposed: two users.
    *("\xe9", "e\u0301", "юзер", "用户", "😀" * 128),
]


async def test_ids_of_any_visible_characters_are_users_of_their_own(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(2, *USER_IDS))

    for number, user_id in enumerate(USER_IDS):
        inbox = (await server.inboxes.GetInbox(GetInboxRequest(user_id=user_id))).inbox
        assert (inbox.user_id, inbox.revision, inbox.total_count) == (user_id, 2, 2)

        # A page token, a notification's id and a cursor are bound to the user.
        page = ListNotificationsRequest(user_id=user_id, page_size=1)
        first = await server.inboxes.ListNotifications(page)
        page.page_token = first.next_page_token
        second = await server.inboxes.ListNotifications(page)
        (newest,) = first.notifications
        (oldest,) = second.notifications
        assert [newest.message.title, oldest.message.title] == ["2", "1"]
        assert newest.user_id == oldest.user_id == user_id
        ids = NotificationIds(notification_ids=[oldest.notification_id])
        marked = await server.inboxes.UpdateNotifications(
            UpdateNotificationsRequest(
                user_id=user_id,
                selector=NotificationSelector(ids=ids),
                read=True,
                request_id=f"r-{number}",
            )
        )
        assert (marked.updated_count, marked.inbox.unread_count) == (1, 1)

        async with server.subscribe(user_id) as stream:
            (opening,) = await stream.until_caught_up()
        resumed = server.inboxes.Subscribe(SubscribeRequest(user_id=user_id, cursor=opening.cursor))
        response = await anext(aiter(resumed))
        resumed.cancel()
        assert (response.after_revision, response.revision, len(response.changes)) == (3, 3, 0)
