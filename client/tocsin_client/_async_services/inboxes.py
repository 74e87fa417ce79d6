"""The methods that read inboxes."""

from collections.abc import AsyncIterator, Iterable

from tocsin.v1.inbox_pb2 import Inbox, InboxChannel, Notification, NotificationFilter
from tocsin.v1.inbox_service_pb2 import GetInboxRequest, ListInboxChannelsRequest

from tocsin_client import _requests
from tocsin_client._async_unary import AsyncCalls


class AsyncInboxes:
    """The methods of InboxService that read."""

    _calls: AsyncCalls

    async def get_inbox(self, user_id: str, *, timeout: float | None = None) -> Inbox:
        """Reads an inbox's revision, and its counters as of that revision.

        Args:
            user_id: Whose inbox.
            timeout: How many seconds the call may take; by default the client's.
        """
        _requests.check_strings(user_id=user_id)
        request = GetInboxRequest(user_id=user_id)
        response = await self._calls(self._calls.inboxes.GetInbox, request, timeout)
        return response.inbox

    async def list_notifications(
        self,
        user_id: str,
        *,
        channel_ids: str | Iterable[str] = (),
        filter: NotificationFilter.ValueType = NotificationFilter.NOTIFICATION_FILTER_ALL,
        page_size: int = 0,
        timeout: float | None = None,
    ) -> AsyncIterator[Notification]:
        """An inbox's notifications, in list order: today the latest arrival first.

        Args:
            user_id: Whose inbox.
            channel_ids: Only these channels' notifications, at most 100; by default every one's.
            filter: Which notifications: all, unread or read.
            page_size: How many a call reads; 0 is 50.
            timeout: How many seconds each call may take; by default the client's.
        """
        request = _requests.list_notifications_request(
            user_id, channel_ids=channel_ids, filter=filter, page_size=page_size
        )
        async for page in self._calls.pages(
            self._calls.inboxes.ListNotifications, request, timeout
        ):
            for notification in page.notifications:
                yield notification

    async def list_inbox_channels(
        self,
        user_id: str,
        *,
        unread_only: bool = False,
        page_size: int = 0,
        timeout: float | None = None,
    ) -> AsyncIterator[InboxChannel]:
        """The channels that have notifications in an inbox, latest arrival first.

        Args:
            user_id: Whose inbox.
            unread_only: Only channels with something unread.
            page_size: How many a call reads; 0 is 50.
            timeout: How many seconds each call may take; by default the client's.
        """
        _requests.check_strings(user_id=user_id)
        request = ListInboxChannelsRequest(
            user_id=user_id, unread_only=unread_only, page_size=page_size
        )
        async for page in self._calls.pages(
            self._calls.inboxes.ListInboxChannels, request, timeout
        ):
            for channel in page.inbox_channels:
                yield channel
