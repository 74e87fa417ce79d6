"""The history of an inbox, read by the streams that follow it."""

from collections.abc import Sequence
from typing import Protocol

from tocsin_server.domain.model.cursors import Position
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import (
    Notification,
    NotificationFilter,
)
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.model.streams import Head, Replay


class InboxHistory(Protocol):
    """What following an inbox reads. Every read is of one moment: rows, head, counters agree."""

    @property
    def epoch(self) -> int:
        """The random number of the store's history."""
        ...

    async def list_notifications(
        self,
        key: InboxKey,
        channel_ids: Sequence[str],
        which: NotificationFilter,
        before: int | None,
        limit: int,
    ) -> Page[Notification]:
        """Returns up to `limit` notifications behind `before`, latest arrival first.

        No `channel_ids` stands for all channels.
        """
        ...

    async def read_head(self, key: InboxKey, limit: int) -> Head:
        """Returns the inbox, all its channels' counters and its newest notifications."""
        ...

    async def read_changes(self, key: InboxKey, after: Position, limit: int) -> Replay:
        """Returns what was last changed after a position, ordered by (revision, sequence).

        Notifications and removals as they stand, and marks between them. At the
        end of the history it says so, with all channels' counters.
        """
        ...

    async def read_revisions(self, keys: Sequence[InboxKey]) -> Sequence[tuple[InboxKey, int, int]]:
        """Returns (key, incarnation, revision) of those inboxes that exist."""
        ...
