"""The methods that mark notifications read and seen."""

from collections.abc import Iterable
from typing import Unpack

from tocsin.v1.inbox_service_pb2 import UpdateNotificationsResponse

from tocsin_client import _requests
from tocsin_client._async_services.inboxes import AsyncInboxes
from tocsin_client._mark_options import MarkOptions


class AsyncMarks(AsyncInboxes):
    """The methods of InboxService: those that read, and those that mark."""

    async def update_notifications(
        self,
        user_id: str,
        *,
        ids: str | Iterable[str] | None = None,
        channel_ids: str | Iterable[str] | None = None,
        all: bool = False,
        up_to_revision: int | None = None,
        read: bool | None = None,
        seen: bool | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> UpdateNotificationsResponse:
        """Marks notifications read or unread, seen or unseen, as one change of one revision.

        Pass one of `ids`, `channel_ids` and `all`, and at least one of `read` and `seen`. Read
        implies seen, unseen implies unread. `mark_read`, `mark_unread` and `mark_seen` are
        shorter.

        Args:
            user_id: Whose inbox.
            ids: Notifications by their ids, 1 to 1,000; ids that are not the user's are ignored.
            channel_ids: The notifications of these channels, 1 to 100.
            all: All notifications of the inbox.
            up_to_revision: With `channel_ids` or `all`: only notifications that arrived up to this
                revision of the inbox, so that later ones, which the user has not seen, stay as they
                are; 0 marks nothing. By default there is no bound.
            read: True for read, False for unread; by default it stays.
            seen: True for seen, False for unseen; by default it stays.
            request_id: Makes a repeat of this call safe. By default a new one.
            timeout: How many seconds the call may take; by default the client's.

        Returns:
            The inbox right after the change, and how many notifications changed.

        Raises:
            InvalidArgument: A field breaks its rule.
            AlreadyExists: `request_id` was used for another request.
            ValueError: Not exactly one of `ids`, `channel_ids` and `all` is passed, or
                `up_to_revision` with `ids`, or neither `read` nor `seen`.
        """
        request = _requests.update_notifications_request(
            user_id,
            ids=ids,
            channel_ids=channel_ids,
            all=all,
            up_to_revision=up_to_revision,
            read=read,
            seen=seen,
            request_id=request_id,
        )
        if up_to_revision == 0:
            # The caller has seen nothing; to the server, 0 would mean no bound.
            inbox = await self.get_inbox(user_id, timeout=timeout)
            return UpdateNotificationsResponse(inbox=inbox)
        return await self._calls(self._calls.inboxes.UpdateNotifications, request, timeout)

    async def mark_read(
        self, user_id: str, **options: Unpack[MarkOptions]
    ) -> UpdateNotificationsResponse:
        """Marks notifications read, and so seen.

        Takes `ids`, `channel_ids` or `all`, `up_to_revision`, `request_id` and `timeout`, as
        `update_notifications` does.
        """
        return await self._mark(user_id, options, read=True)

    async def mark_unread(
        self, user_id: str, **options: Unpack[MarkOptions]
    ) -> UpdateNotificationsResponse:
        """Marks notifications unread; they stay seen. Takes the same arguments as `mark_read`."""
        return await self._mark(user_id, options, read=False)

    async def mark_seen(
        self, user_id: str, **options: Unpack[MarkOptions]
    ) -> UpdateNotificationsResponse:
        """Marks notifications seen; they stay unread. Takes the same arguments as `mark_read`."""
        return await self._mark(user_id, options, seen=True)

    async def _mark(
        self,
        user_id: str,
        options: MarkOptions,
        *,
        read: bool | None = None,
        seen: bool | None = None,
    ) -> UpdateNotificationsResponse:
        # Both states are passed, so that `options` cannot contain one.
        return await self.update_notifications(user_id, read=read, seen=seen, **options)
