"""Marking: notifications become read or unread, seen or unseen.

Read implies seen, and unseen implies unread. A time that is set keeps its first
value when it is set again.
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.idempotency import RequestKey
from tocsin_server.domain.model.identity import InboxKey


class Effect(Enum):
    """The effect of a marking on a notification."""

    READ = "read and seen"
    UNREAD = "unread"
    SEEN = "seen"
    UNSEEN = "unseen and unread"
    UNREAD_SEEN = "unread, but seen"

    @classmethod
    def of(cls, read: bool | None, seen: bool | None) -> "Effect":  # noqa: FBT001  # as the fields
        """Returns the effect of the fields of a request; None stands for an absent field.

        Raises:
            ValueError: both are absent, or they contradict each other.
        """
        if read is None and seen is None:
            raise ValueError("is required when seen is not set")
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
    """Selects notifications of an inbox: by messages, by channels, or all when both are None.

    Except by messages, only those with an `arrive_revision` up to `up_to_revision`; 0
    and a revision ahead of the inbox stand for its head.
    """

    message_ids: Sequence[str] | None
    channel_ids: Sequence[str] | None
    up_to_revision: int


class Marking(NamedTuple):
    """A request to mark notifications: one change of one inbox."""

    request: RequestKey
    key: InboxKey
    selection: Selection
    read: bool | None
    seen: bool | None

    @property
    def effect(self) -> Effect:
        """The effect on each selected notification."""
        return Effect.of(self.read, self.seen)


class Marked(NamedTuple):
    """The result of a marking: the inbox right after it, and how many notifications changed."""

    revision: int
    counters: Counters
    updated_count: int
