"""Counting: the next revision of an inbox, with the counters that belong to it."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, bindparam, update

from tocsin_server.domain.inboxes import ChannelCounters, Counters
from tocsin_server.store.prepared import Prepared
from tocsin_server.store.tables import inbox_channels, inboxes

_BY = {name: bindparam(name, type_=BigInteger) for name in ("total", "unread", "unseen")}
_INBOX = Prepared(
    update(inboxes)
    .where(inboxes.c.inbox_id == bindparam("inbox"))
    .values(
        revision=inboxes.c.revision + 1,
        **{f"{name}_count": inboxes.c[f"{name}_count"] + by for name, by in _BY.items()},
    )
    .returning(
        inboxes.c.revision,
        inboxes.c.total_count,
        inboxes.c.unread_count,
        inboxes.c.unseen_count,
    )
)
_CHANNEL = Prepared(
    update(inbox_channels)
    .where(
        inbox_channels.c.inbox_id == bindparam("inbox"),
        inbox_channels.c.channel_id == bindparam("channel"),
    )
    .values({f"{name}_count": inbox_channels.c[f"{name}_count"] + by for name, by in _BY.items()})
    .returning(
        inbox_channels.c.total_count,
        inbox_channels.c.unread_count,
        inbox_channels.c.unseen_count,
    )
)


class Difference(NamedTuple):
    """By how much the counters of one channel of an inbox change."""

    channel_id: str
    counters: Counters


class Counted(NamedTuple):
    """An inbox right after a change: its revision and counters, and the touched channels'."""

    revision: int
    counters: Counters
    channel_counters: Sequence[ChannelCounters]


def count(connection: Connection, inbox_id: int, differences: Sequence[Difference]) -> Counted:
    """Takes an inbox's next revision, and changes its counters and its channels'.

    The inbox stays locked until the commit, so revision order is commit order.
    """
    in_all = Counters(*map(sum, zip(*(by for _, by in differences), strict=True)))
    ((revision, *counts),) = _INBOX(connection, {"inbox": inbox_id, **in_all._asdict()})
    channels = []
    for channel_id, by in differences:
        names = {"inbox": inbox_id, "channel": channel_id}
        (of_channel,) = _CHANNEL(connection, {**names, **by._asdict()})
        channels.append(ChannelCounters(channel_id, Counters(*of_channel)))
    return Counted(revision, Counters(*counts), channels)
