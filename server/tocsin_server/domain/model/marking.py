"""Marking: notifications become read or unread, seen or unseen.

Read implies seen, and unseen implies unread. A time that is set stays when it
is set again.
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.idempotency import RequestKey
from tocsin_server.domain.model.identity import InboxKey


class Effect(Enum):
    """What a marking makes of a notification."""

    READ = "read and seen"
    UNREAD = "unread"
    SEEN = "seen"
    UNSEEN = "unseen and unread"
    UNREAD_SEEN = "unread, but seen"

    @classmethod
    def of(cls, read: bool | None, seen: bool | None) -> "Effect":  # noqa: FBT001  # as the fields
        """Returns the effect of two wishes, of which None is no wish.

        Raises:
            ValueError: there is none, or they contradict each other.
        """
        if read is None and seen is None:
            raise ValueError("is required, unless seen is given")
        if read and seen is False:
            raise ValueError("must not be true when seen is false")
        if read:
            return cls.READ
        if seen is False:
            return cls.UNSEEN
        if read is None:
            return cls.SEEN
        return cls.UNREAD_SEEN if seen else cls.UNREAD


class Selection(NamedTuple):
    """Which notifications of an inbox: of messages, of channels, or all when both are None.

    Those of channels, and all, only up to an arrival: 0 or one ahead of the
    inbox is its head.
    """

    message_ids: Sequence[str] | None
    channel_ids: Sequence[str] | None
    up_to_revision: int


class Marking(NamedTuple):
    """What is asked for: one change of one inbox."""

    request: RequestKey
    key: InboxKey
    selection: Selection
    read: bool | None
    seen: bool | None

    @property
    def effect(self) -> Effect:
        """What it makes of each notification."""
        return Effect.of(self.read, self.seen)


class Marked(NamedTuple):
    """What came of a marking: the inbox right after it, and how many notifications changed."""

    revision: int
    counters: Counters
    updated_count: int
