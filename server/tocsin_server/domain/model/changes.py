"""Changes: what subscribers of an inbox get live, and what catches them up."""

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
    """A change of state of all notifications that a selector fits.

    `channel_ids` is None for every channel's. `read` and `seen` are as
    requested, None where nothing was. `mark_time` is in microseconds since the Unix
    epoch.
    """

    revision: int
    channel_ids: Sequence[str] | None
    up_to_revision: int
    read: bool | None
    seen: bool | None
    mark_time: int


Item = Notification | Removal | Mark
"""An effect of one revision on an inbox."""


def order_of(item: Item) -> tuple[int, int]:
    """Returns where an item stands in its inbox's history: revision, message's sequence.

    A mark has its revision to itself.
    """
    if isinstance(item, Notification):
        return item.revision, item.message.sequence
    return item.revision, item.sequence if isinstance(item, Removal) else 0


def size_of(item: Item) -> int:
    """Returns about how many bytes an item takes in a response, rather more than fewer."""
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

    `items` is what it did, or None when that is not included and must be read.
    `counters` and `channel_counters`, of the channels touched, are as of
    `revision`. Not frozen, because one is made for every recipient.
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
