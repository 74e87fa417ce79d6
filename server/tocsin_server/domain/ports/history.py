"""The history of an inbox, read by the streams that follow it."""

from collections.abc import Sequence
from typing import Protocol

from tocsin_server.domain.model.cursors import Position
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Notification, NotificationQuery
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.model.streams import Head, Replay


class InboxHistory(Protocol):
    """The reads of a stream. Every read is of one moment: rows, head and counters agree."""

    @property
    def epoch(self) -> int:
        """The random number of the store's history."""
        ...

    async def list_notifications(self, query: NotificationQuery) -> Page[Notification]:
        """Returns a page of an inbox's notifications, latest arrival first.

        The page has at most `limit` items, and ends earlier where a response is full.

        Raises:
            FieldsInvalid: no list of notifications gave the key.
        """
        ...

    async def read_head(self, key: InboxKey, limit: int) -> Head:
        """Returns the inbox, all its channels' counters and its newest notifications."""
        ...

    async def read_changes(self, key: InboxKey, after: Position, limit: int) -> Replay:
        """Returns what was last changed after a position, ordered by (revision, sequence).

        The items are notifications and removals in their current state, and marks. The
        page that reaches the end of the history says so, with all channels' counters.
        """
        ...

    async def read_revisions(self, keys: Sequence[InboxKey]) -> Sequence[tuple[InboxKey, int, int]]:
        """Returns (key, incarnation, revision) of the inboxes that exist."""
        ...
