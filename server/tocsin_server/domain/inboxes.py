"""Inboxes: one user's notifications, counters and revision."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from tocsin_server.domain.identity import InboxKey
from tocsin_server.domain.messages import Message
from tocsin_server.domain.paging import Page
from tocsin_server.domain.ports import InboxStore


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


class Place(NamedTuple):
    """Where a notification stands in list order, the latest arrival first."""

    arrive_revision: int
    sequence: int


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
    def unborn(cls, key: InboxKey) -> "Inbox":
        """Returns the empty inbox of a user never seen."""
        return cls(key, 0, 0, 0, Counters(0, 0, 0))


@dataclass(slots=True)
class Notification:
    """A message's copy in one inbox. Times are in microseconds since the Unix epoch.

    Not frozen, because it is made by the hundred thousand; nobody changes one.
    """

    message: Message
    revision: int
    arrive_revision: int
    receive_time: int
    seen_time: int | None
    read_time: int | None

    @property
    def place(self) -> Place:
        """Where it stands in list order."""
        return Place(self.arrive_revision, self.message.sequence)


@dataclass(slots=True)
class Change:
    """One committed revision of one inbox, as those who follow it live need it.

    `counters` and `channel_counters`, of the channels touched, are as of
    `revision`. Not frozen, because one is made for every recipient.
    """

    key: InboxKey
    incarnation: int
    revision: int
    notifications: Sequence[Notification]
    counters: Counters
    channel_counters: Sequence[ChannelCounters]

    @property
    def size(self) -> int:
        """About how many bytes it takes in a response."""
        return sum(len(n.message.body) + ENVELOPE_BYTES for n in self.notifications)


ENVELOPE_BYTES = 512
"""The most that a notification takes in a response beside its message's body."""


class Inboxes:
    """Reads inboxes."""

    def __init__(self, store: InboxStore) -> None:
        self._store = store

    async def get(self, key: InboxKey) -> Inbox:
        """Returns the inbox, empty for a user never seen."""
        return await self._store.get_inbox(key)

    async def list(
        self,
        key: InboxKey,
        channel_ids: Sequence[str],
        which: NotificationFilter,
        before: Place | None,
        limit: int,
    ) -> Page[Notification]:
        """Returns a page of up to `limit` notifications, latest arrival first.

        Only those of `channel_ids` unless there are none, and those that stand
        behind `before`.
        """
        return await self._store.list_notifications(key, channel_ids, which, before, limit)
