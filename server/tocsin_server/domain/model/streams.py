"""Streams of an inbox: what they request, read and deliver."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from tocsin_server.domain.model.changes import Item
from tocsin_server.domain.model.counters import ChannelCounters, Counters
from tocsin_server.domain.model.cursors import Cursor, Position
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Inbox, Notification
from tocsin_server.domain.model.pages import Page


class Phase(IntEnum):
    """The phase of a stream, numbered as in the protos."""

    SNAPSHOT = 1
    REPLAY = 2
    LIVE = 3
    HEARTBEAT = 4
    RECONNECT = 5


@dataclass(frozen=True, slots=True)
class Head:
    """An inbox at one moment: itself, all its channels' counters, its newest page."""

    inbox: Inbox
    channel_counters: Sequence[ChannelCounters]
    newest: Page[Notification]


@dataclass(frozen=True, slots=True)
class Replay:
    """A page of what changed after a position, read at one moment.

    `position` is the end of the page. At the end of the history (`caught_up`) it is the
    head, and the page has the counters of all channels.
    """

    inbox: Inbox
    items: Sequence[Item]
    position: Position
    caught_up: bool
    channel_counters: Sequence[ChannelCounters]


@dataclass(slots=True)
class Response:
    """One response of a stream, before it is encoded."""

    phase: Phase
    after_revision: int
    revision: int
    items: Sequence[Item] = ()
    counters: Counters | None = None
    channel_counters: Sequence[ChannelCounters] = ()
    cursor: str = ""
    caught_up: bool = False
    reconnect_delay: float | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A request to subscribe. `heartbeat_interval` is in seconds."""

    key: InboxKey
    cursor: Cursor | None
    snapshot_size: int
    heartbeat_interval: float
