"""Revisions: takes the next revision of inboxes, and updates the counters that belong to it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, Text, cast, update

from tocsin_server.domain.model.counters import ChannelCounters, Counters
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.json_rows import columns, entries, pack, parts
from tocsin_server.store.schema.tables import inbox_channels, inboxes

_COUNTERS = ("total_count", "unread_count", "unseen_count")

_inbox, _by = entries("by_inbox", Text())
_INBOXES = Prepared(
    update(inboxes)
    .where(inboxes.c.inbox_id == cast(_inbox, BigInteger))
    .values(
        revision=inboxes.c.revision + 1,
        **{
            name: inboxes.c[name] + by
            for name, by in zip(_COUNTERS, parts(_by, [BigInteger()] * 3), strict=True)
        },
    )
    .returning(inboxes.c.inbox_id, inboxes.c.revision, *(inboxes.c[name] for name in _COUNTERS))
)

_inbox, _channel, *_by_channel = columns("by_channel", [BigInteger(), Text(), *[BigInteger()] * 3])
_CHANNELS = Prepared(
    update(inbox_channels)
    .where(inbox_channels.c.inbox_id == _inbox, inbox_channels.c.channel_id == _channel)
    .values(
        {name: inbox_channels.c[name] + by for name, by in zip(_COUNTERS, _by_channel, strict=True)}
    )
    .returning(
        inbox_channels.c.inbox_id,
        inbox_channels.c.channel_id,
        *(inbox_channels.c[name] for name in _COUNTERS),
    )
)


class Difference(NamedTuple):
    """The changes of the counters of one channel of an inbox; may be negative."""

    channel_id: str
    counters: Counters


class Counted(NamedTuple):
    """The revision and counters of an inbox after a change, and those of the changed channels."""

    revision: int
    counters: Counters
    channel_counters: Sequence[ChannelCounters]


def next_revisions(
    connection: Connection, differences: Mapping[int, Sequence[Difference]]
) -> Mapping[int, Counted]:
    """Takes the next revision of each inbox, and changes the counters of it and its channels.

    The keys are inbox numbers. The caller holds the locks of the inboxes, until the
    commit, so revision order is commit order.
    """
    of_inboxes = {
        inbox_id: list(map(sum, zip(*(by for _, by in of_inbox), strict=True)))
        for inbox_id, of_inbox in differences.items()
    }
    of_channels = [
        (inbox_id, channel_id, *by)
        for inbox_id, of_inbox in differences.items()
        for channel_id, by in of_inbox
    ]
    channels: dict[int, list[ChannelCounters]] = {inbox_id: [] for inbox_id in differences}
    for inbox_id, channel_id, *counts in _CHANNELS(connection, {"by_channel": pack(of_channels)}):
        channels[inbox_id].append(ChannelCounters(channel_id, Counters(*counts)))
    return {
        inbox_id: Counted(revision, Counters(*counts), sorted(channels[inbox_id]))
        for inbox_id, revision, *counts in _INBOXES(connection, {"by_inbox": pack(of_inboxes)})
    }
