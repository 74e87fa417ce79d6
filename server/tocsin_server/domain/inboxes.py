"""Inboxes: read, and marked."""

from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import (
    Inbox,
    InboxChannel,
    InboxChannelQuery,
    Notification,
    NotificationQuery,
)
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

    async def list(self, query: NotificationQuery) -> Page[Notification]:
        """Returns a page of an inbox's notifications."""
        return await self._store.list_notifications(query)

    async def list_channels(self, query: InboxChannelQuery) -> Page[InboxChannel]:
        """Returns a page of an inbox's channels."""
        return await self._store.list_inbox_channels(query)

    async def mark(self, marking: Marking) -> Marked:
        """Marks notifications, in one change of their inbox.

        Raises:
            RequestIdReused: the request id stands for another request.
        """
        return await self._store.mark(marking, self._clock.now())
