"""Fan-out: copies messages into many inboxes, each copy at a revision of its own."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from secrets import randbits
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    Connection,
    Text,
    bindparam,
    cast,
    insert,
    literal,
    select,
    true,
)

from tocsin_server.domain.model.changes import Change
from tocsin_server.domain.model.counters import ChannelCounters, Counters
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Notification
from tocsin_server.domain.model.messages import Message
from tocsin_server.store.engine.prepared import Prepared, Upsert
from tocsin_server.store.json_rows import columns, entries, pack
from tocsin_server.store.schema.tables import inbox_channels, inboxes, messages, notifications

_Counts = tuple[int, int, int]
"""Total, unread and unseen counts: `Counters`, which cost more to make."""


class Arrival(NamedTuple):
    """The arrival of a message in an inbox, with the counters right after it.

    It becomes a `Change` only if the inbox is watched.
    """

    key: InboxKey
    incarnation: int
    revision: int
    message: Message
    counts: _Counts
    channel_counts: _Counts

    def change(self) -> Change:
        """Returns the change to announce to the subscribers of the inbox."""
        message, revision = self.message, self.revision
        notification = Notification(message, revision, revision, message.create_time, None, None)
        return Change(
            self.key,
            self.incarnation,
            revision,
            (notification,),
            Counters(*self.counts),
            (ChannelCounters(message.channel_id, Counters(*self.channel_counts)),),
        )


def _count_inboxes_by(upsert: Upsert) -> ClauseElement:
    user_id, arrived = entries("arrived", BigInteger())
    arriving = upsert(inboxes).from_select(
        [
            *("tenant", "user_id", "incarnation", "revision", "oldest_revision"),
            *("total_count", "unread_count", "unseen_count"),
        ],
        select(
            bindparam("tenant", type_=Text),
            user_id,
            bindparam("incarnation", type_=BigInteger),
            arrived,
            literal(0),
            arrived,
            arrived,
            arrived,
        ).where(true()),
    )
    counted: ClauseElement = arriving.on_conflict_do_update(
        index_elements=["tenant", "user_id"],
        set_={
            name: inboxes.c[name] + arriving.excluded.revision
            for name in ("revision", "total_count", "unread_count", "unseen_count")
        },
    ).returning(
        inboxes.c.user_id,
        inboxes.c.inbox_id,
        inboxes.c.incarnation,
        inboxes.c.revision,
        inboxes.c.total_count,
        inboxes.c.unread_count,
        inboxes.c.unseen_count,
    )
    return counted


def _count_channel_by(upsert: Upsert) -> ClauseElement:
    inbox, arrived = entries("arrived", BigInteger())
    arriving = upsert(inbox_channels).from_select(
        ["inbox_id", "channel_id", "total_count", "unread_count", "unseen_count"],
        select(
            cast(inbox, BigInteger),
            bindparam("channel_id", type_=Text),
            arrived,
            arrived,
            arrived,
        ).where(true()),
    )
    counted: ClauseElement = arriving.on_conflict_do_update(
        index_elements=["inbox_id", "channel_id"],
        set_={
            name: inbox_channels.c[name] + arriving.excluded.total_count
            for name in ("total_count", "unread_count", "unseen_count")
        },
    ).returning(
        inbox_channels.c.inbox_id,
        inbox_channels.c.total_count,
        inbox_channels.c.unread_count,
        inbox_channels.c.unseen_count,
    )
    return counted


_COUNT_INBOXES = Prepared(_count_inboxes_by)
_COUNT_CHANNEL = Prepared(_count_channel_by)

_COPY = ["inbox_id", "sequence", "channel_id", "revision", "arrive_revision", "receive_time"]

_inbox_key, _revision = entries("revisions", BigInteger())
_INSERT_COPIES = Prepared(
    insert(notifications).from_select(
        _COPY,
        select(
            cast(_inbox_key, BigInteger),
            messages.c.sequence,
            messages.c.channel_id,
            _revision,
            _revision,
            messages.c.create_time,
        ).where(messages.c.sequence == bindparam("sequence")),
    )
)
"""Inserts the copies of one message in many inboxes."""

_inbox_id, _sequence, _revision = columns("copies", [BigInteger()] * 3)
_INSERT_MIXED_COPIES = Prepared(
    insert(notifications).from_select(
        _COPY,
        select(
            _inbox_id,
            messages.c.sequence,
            messages.c.channel_id,
            _revision,
            _revision,
            messages.c.create_time,
        ).where(messages.c.sequence == _sequence),
    )
)
"""Inserts the copies of many messages, each in a few inboxes."""

_OWN_STATEMENT_COPIES = 16
"""The number of copies from which a message gets a statement of its own."""

_InboxState = tuple[int, int, int, int, int, int]
"""The number, incarnation, revision, and total, unread and unseen counts of an inbox."""

Addressed = tuple[Message, Sequence[str]]
"""A stored message and its recipients, without duplicates."""


def arrive(connection: Connection, tenant: str, addressed: Sequence[Addressed]) -> list[Arrival]:
    """Copies each message into the inboxes of its recipients, in order.

    Every copy takes the next revision of its inbox. Incrementing the revision locks
    the inbox until the commit, so revision order is commit order. Inboxes are locked
    in the order of their users, so two transactions never deadlock.
    """
    inbox_states = _count_inboxes(connection, tenant, addressed)
    channel_counters = _count_channels(connection, addressed, inbox_states)
    arrivals: list[Arrival] = []
    mixed: list[tuple[int, int, int]] = []
    for message, users in addressed:
        copies: list[tuple[int, int]] = []
        of_channel = channel_counters[message.channel_id]
        for user in users:
            inbox_id, incarnation, revision, total, unread, unseen = inbox_states[user]
            in_channel = channel_total, channel_unread, channel_unseen = of_channel[inbox_id]
            # The state right after the next arrival of this group.
            inbox_states[user] = (
                *(inbox_id, incarnation, revision + 1),
                *(total + 1, unread + 1, unseen + 1),
            )
            of_channel[inbox_id] = (channel_total + 1, channel_unread + 1, channel_unseen + 1)
            copies.append((inbox_id, revision))
            arrivals.append(
                Arrival(
                    InboxKey(tenant, user),
                    incarnation,
                    revision,
                    message,
                    (total, unread, unseen),
                    in_channel,
                )
            )
        revisions = dict(copies)
        if _OWN_STATEMENT_COPIES <= len(copies) == len(revisions):
            _INSERT_COPIES(connection, {"sequence": message.sequence, "revisions": pack(revisions)})
        else:  # also if a recipient is listed twice, which the database refuses
            mixed += [(inbox_id, message.sequence, revision) for inbox_id, revision in copies]
    if mixed:
        _INSERT_MIXED_COPIES(connection, {"copies": pack(mixed)})
    return arrivals


def _count_inboxes(
    connection: Connection, tenant: str, addressed: Sequence[Addressed]
) -> dict[str, _InboxState]:
    """Adds the arrivals to the counters of the inboxes; creates missing inboxes.

    Returns, by user, the state of the inbox right after its first arrival.
    """
    arrived = Counter(chain.from_iterable(users for _, users in addressed))
    parameters: dict[str, str | int] = {
        "tenant": tenant,
        "incarnation": randbits(62) + 1,
        "arrived": pack(dict(sorted(arrived.items()))),
    }
    inbox_states: dict[str, _InboxState] = {}
    for user, inbox_id, incarnation, *counts in _COUNT_INBOXES(connection, parameters):
        later = arrived[user] - 1
        revision, total, unread, unseen = counts
        inbox_states[user] = (
            *(inbox_id, incarnation, revision - later),
            *(total - later, unread - later, unseen - later),
        )
    return inbox_states


def _count_channels(
    connection: Connection,
    addressed: Sequence[Addressed],
    inbox_states: Mapping[str, _InboxState],
) -> dict[str, dict[int, _Counts]]:
    """Adds the arrivals to the channel counters of the inboxes.

    Returns, by channel id and inbox number, the counters right after the first arrival.
    """
    arrived: defaultdict[str, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for message, users in addressed:
        of_inboxes = arrived[message.channel_id]
        for user in users:
            of_inboxes[inbox_states[user][0]] += 1
    after: dict[str, dict[int, _Counts]] = {}
    for channel_id, inboxes_of in sorted(arrived.items()):
        parameters = {
            "channel_id": channel_id,
            "arrived": pack(dict(sorted(inboxes_of.items()))),
        }
        after[channel_id] = of_channel = {}
        for inbox_id, total, unread, unseen in _COUNT_CHANNEL(connection, parameters):
            later = inboxes_of[inbox_id] - 1
            of_channel[inbox_id] = (total - later, unread - later, unseen - later)
    return after
