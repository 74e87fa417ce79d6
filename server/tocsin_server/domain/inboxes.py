"""Inboxes: one user's notifications, counters and revision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin_server.domain.channels import Channel
    from tocsin_server.domain.identity import InboxKey
    from tocsin_server.domain.marking import Marked, Marking
    from tocsin_server.domain.messages import Message
    from tocsin_server.domain.paging import Page
    from tocsin_server.domain.ports import Clock, InboxStore


class NotificationFilter(IntEnum):
    """Which notifications to list, numbered as in the protos."""

    ALL = 1
    UNREAD = 2
    READ = 3


class Counters(NamedTuple):
    """How many notifications there are, how many unread, how many unseen."""

    total: int
    unread: int
    unseen: int


class ChannelCounters(NamedTuple):
    """One channel's share of an inbox's counters."""

    channel_id: str
    counters: Counters


@dataclass(frozen=True, slots=True)
class Inbox:
    """An inbox as it stands at `revision`.

    `incarnation` is a random number of this life of the inbox, 0 for one that
    nobody has sent to. `oldest_revision` is the first from which catching up
    is possible.
    """

    key: InboxKey
    incarnation: int
    revision: int
    oldest_revision: int
    counters: Counters

    @classmethod
    def unborn(cls, key: InboxKey) -> Inbox:
        """Returns the empty inbox of a user never seen."""
        return cls(key, 0, 0, 0, Counters(0, 0, 0))


@dataclass(slots=True)
class Notification:
    """A message's copy in one inbox. Times are in microseconds since the Unix epoch.

    No two of an inbox arrive at one revision: lists are ordered by it.
    Not frozen, because it is made by the hundred thousand; nobody changes one.
    """

    message: Message
    revision: int
    arrive_revision: int
    receive_time: int
    seen_time: int | None
    read_time: int | None


class InboxChannel(NamedTuple):
    """A channel as an inbox shows it, with the notification of it that arrived last."""

    channel: Channel
    counters: Counters
    latest: Notification


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
        before: int | None,
        limit: int,
    ) -> Page[Notification]:
        """Returns a page of up to `limit` notifications, latest arrival first.

        Only those of `channel_ids` unless there are none, and those that stand
        behind `before`.
        """
        return await self._store.list_notifications(key, channel_ids, which, before, limit)

    async def list_channels(
        self,
        key: InboxKey,
        before: int | None,
        limit: int,
        *,
        unread_only: bool,
    ) -> Page[InboxChannel]:
        """Returns a page of up to `limit` channels of an inbox, latest arrival first.

        Those whose latest notification stands behind `before`; with
        `unread_only`, those that have something unread.
        """
        return await self._store.list_inbox_channels(key, before, limit, unread_only=unread_only)

    async def mark(self, marking: Marking) -> Marked:
        """Marks notifications, in one change of their inbox.

        Raises:
            RequestIdReused: the request id stands for another request.
        """
        return await self._store.mark(marking, self._clock.now())
