"""Inboxes: read, and marked."""

from collections.abc import Sequence

from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Inbox, InboxChannel, Notification, NotificationFilter
from tocsin_server.domain.model.marking import Marked, Marking
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.ports.clock import Clock
from tocsin_server.domain.ports.inboxes import InboxStore


class Inboxes:
    """Reads inboxes, and marks what is in them."""

    def __init__(self, store: InboxStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get(self, key: InboxKey) -> Inbox:
        """Returns the inbox, empty for a user never seen."""
        return await self._store.get_inbox(key)

    async def list(
        self,
        key: InboxKey,
        channel_ids: Sequence[str],
        which: NotificationFilter,
        after: str,
        limit: int,
    ) -> Page[Notification]:
        """Returns up to `limit` notifications, latest arrival first, from a page key on.

        Empty `channel_ids` stand for all channels.
        """
        return await self._store.list_notifications(key, channel_ids, which, after, limit)

    async def list_channels(
        self,
        key: InboxKey,
        after: str,
        limit: int,
        *,
        unread_only: bool,
    ) -> Page[InboxChannel]:
        """Returns up to `limit` channels of an inbox, latest arrival first, from a page key on.

        With `unread_only`, only channels with an unread notification.
        """
        return await self._store.list_inbox_channels(key, after, limit, unread_only=unread_only)

    async def mark(self, marking: Marking) -> Marked:
        """Marks notifications, in one change of their inbox.

        Raises:
            RequestIdReused: the request id stands for another request.
        """
        return await self._store.mark(marking, self._clock.now())
