"""Changes of an inbox: notifications, removals and marks, live or replayed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tocsin_server.domain.model.counters import ChannelCounters, Counters
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Notification

ENVELOPE_BYTES = 512
"""The most that a notification takes in a response beside its message's body.

Only a user's id that has wide characters makes it more, by 160 bytes at most:
a page of 1,000 rows, whose sizes add up to three quarters of a response, has
room for that.
"""


class Removal(NamedTuple):
    """A notification that left its inbox, by the message that it was a copy of."""

    revision: int
    sequence: int
    message_id: str


class Mark(NamedTuple):
    """A change of state of all notifications that a selector selects.

    `channel_ids` is None for all channels. `read` and `seen` are the values of the
    request, None where it has none. `mark_time` is in microseconds since the Unix epoch.
    """

    revision: int
    channel_ids: Sequence[str] | None
    up_to_revision: int
    read: bool | None
    seen: bool | None
    mark_time: int


Item = Notification | Removal | Mark
"""One of the things that a revision changed in an inbox."""


def order_of(item: Item) -> tuple[int, int]:
    """Returns the place of an item in its inbox's history: revision, message's sequence.

    A mark is the only item of its revision.
    """
    if isinstance(item, Notification):
        return item.revision, item.message.sequence
    return item.revision, item.sequence if isinstance(item, Removal) else 0


def size_of(item: Item) -> int:
    """Returns the size of an item in a response in bytes, estimated rather too large."""
    if isinstance(item, Notification):
        return len(item.message.body) + ENVELOPE_BYTES
    channel_ids = item.channel_ids or () if isinstance(item, Mark) else ()
    return ENVELOPE_BYTES + sum(len(channel_id) + 8 for channel_id in channel_ids)


_COUNTERS_BYTES = 24
"""The most that a channel's counters take in a response beside the channel's id."""


def size_of_counters(channel_counters: Iterable[ChannelCounters]) -> int:
    """Returns how many bytes counters take in a response at most."""
    return sum(len(each.channel_id) + _COUNTERS_BYTES for each in channel_counters)


@dataclass(slots=True)
class Change:
    """One committed revision of one inbox, as live subscribers need it.

    Attributes:
        items: what the revision changed; None where a stream must read it from the store.
        counters: the inbox's counters as of the revision.
        channel_counters: the counters of the changed channels as of the revision.

    Not frozen, because one is made for every recipient.
    """

    key: InboxKey
    incarnation: int
    revision: int
    items: Sequence[Item] | None
    counters: Counters
    channel_counters: Sequence[ChannelCounters]

    @property
    def size(self) -> int:
        """About how many bytes it takes in a response."""
        return sum(map(size_of, self.items or ())) + size_of_counters(self.channel_counters)
