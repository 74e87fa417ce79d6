"""Inboxes, kept."""

from typing import Protocol

from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import (
    Inbox,
    InboxChannel,
)
from tocsin_server.domain.model.marking import Marked, Marking
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.ports.history import InboxHistory


class InboxStore(InboxHistory, Protocol):
    """Keeps inboxes."""

    async def get_inbox(self, key: InboxKey) -> Inbox:
        """Returns the inbox; the unborn one for a user never seen."""
        ...

    async def list_inbox_channels(
        self, key: InboxKey, before: int | None, limit: int, *, unread_only: bool
    ) -> Page[InboxChannel]:
        """Returns up to `limit` of an inbox's channels, latest arrival first.

        Those that it holds something of, or something unread, and whose latest
        notification stands behind `before`.
        """
        ...

    async def mark(self, marking: Marking, now: int) -> Marked:
        """Commits a marking as one change of its inbox, and hands it to Live.

        State, counters, and the answer to its request change together, under
        one revision; under none when nothing changes. A request answered before
        changes nothing and gets the answer of then.

        Raises:
            RequestIdReused: the request id stands for another request.
        """
        ...
