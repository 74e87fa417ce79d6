"""Inboxes: one user's notifications, counters and revision."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from tocsin_server.domain.model.channels import Channel
from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.messages import Message


class NotificationFilter(IntEnum):
    """Which notifications to list, numbered as in the protos."""

    ALL = 1
    UNREAD = 2
    READ = 3


@dataclass(frozen=True, slots=True)
class NotificationQuery:
    """Which notifications of an inbox a page lists, latest arrival first.

    Attributes:
        key: the inbox.
        limit: the most notifications of the page.
        after: the page key at which the page begins; empty for the first page.
        channel_ids: their channels; empty for all.
        which: which of them.
    """

    key: InboxKey
    limit: int
    after: str = ""
    channel_ids: Sequence[str] = ()
    which: NotificationFilter = NotificationFilter.ALL


@dataclass(frozen=True, slots=True)
class InboxChannelQuery:
    """Which channels of an inbox a page lists, latest arrival first.

    Attributes:
        key: the inbox.
        limit: the most channels of the page.
        after: the page key at which the page begins; empty for the first page.
        unread_only: whether only channels with an unread notification are listed.
    """

    key: InboxKey
    limit: int
    after: str = ""
    unread_only: bool = False


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
