"""The methods that mark what a live inbox shows."""

from typing import Unpack

from tocsin.v1.inbox_service_pb2 import UpdateNotificationsResponse

from tocsin_client._async_services.marks import AsyncMarks
from tocsin_client._mark_options import LiveMarkOptions
from tocsin_client._observable_inbox import ObservableInbox


class AsyncLiveMarks(ObservableInbox):
    """The methods of a live inbox that mark notifications."""

    _marks: AsyncMarks
    _user_id: str

    async def mark_read(self, **options: Unpack[LiveMarkOptions]) -> UpdateNotificationsResponse:
        """Marks notifications read, and so seen, but only those that the inbox shows.

        Takes `ids`, `channel_ids` or `all`, `request_id` and `timeout`, as the client's
        `mark_read` does. By `channel_ids` or `all`, only notifications that arrived up to
        `revision` are marked. The inbox shows the mark a moment later: wait for the response's
        `inbox.revision` where that matters.
        """
        return await self._mark(options, read=True)

    async def mark_unread(self, **options: Unpack[LiveMarkOptions]) -> UpdateNotificationsResponse:
        """Marks notifications unread. The rest is as in `mark_read`."""
        return await self._mark(options, read=False)

    async def mark_seen(self, **options: Unpack[LiveMarkOptions]) -> UpdateNotificationsResponse:
        """Marks notifications seen, as when the bell is opened. The rest is as in `mark_read`."""
        return await self._mark(options, seen=True)

    async def _mark(
        self, options: LiveMarkOptions, *, read: bool | None = None, seen: bool | None = None
    ) -> UpdateNotificationsResponse:
        up_to_revision = self._shown_up_to(options.get("ids"))
        return await self._marks.update_notifications(
            self._user_id, up_to_revision=up_to_revision, read=read, seen=seen, **options
        )
