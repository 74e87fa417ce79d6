"""Arrivals: messages taking their place in inboxes, many at once."""

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


class Arrival(NamedTuple):
    """A message that arrived in an inbox, with the counters right after it."""

    key: InboxKey
    incarnation: int
    revision: int
    message: Message
    counters: Counters
    channel_counters: Counters

    def change(self) -> Change:
        """Returns what those who follow the inbox are told."""
        message, revision = self.message, self.revision
        notification = Notification(message, revision, revision, message.create_time, None, None)
        return Change(
            self.key,
            self.incarnation,
            revision,
            (notification,),
            self.counters,
            (ChannelCounters(message.channel_id, self.channel_counters),),
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
"""One message, to many inboxes."""

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
"""Many messages, to a few inboxes each."""

_MANY = 16
"""From how many copies on a message takes a statement of its own."""

_Standing = tuple[int, int, int, int, int, int]
"""An inbox's number, incarnation, revision, and counters."""

Addressed = tuple[Message, Sequence[str]]
"""A stored message and its recipients, each once."""


def arrive(connection: Connection, tenant: str, addressed: Sequence[Addressed]) -> list[Arrival]:
    """Puts each message into its recipients' inboxes, in order.

    Every copy takes its inbox's next revision. Inboxes are locked in the order
    of their users, by the increment of their revision, and stay locked until
    the commit: so revision order is commit order, and two transactions never
    wait for each other.
    """
    standing = _count_inboxes(connection, tenant, addressed)
    standing_in = _count_channels(connection, addressed, standing)
    arrivals: list[Arrival] = []
    mixed: list[tuple[int, int, int]] = []
    for message, users in addressed:
        copies: list[tuple[int, int]] = []
        of_channel = standing_in[message.channel_id]
        for user in users:
            inbox_id, incarnation, revision, total, unread, unseen = standing[user]
            in_channel = of_channel[inbox_id]
            # What the next arrival of this group finds: one more of everything.
            standing[user] = (
                *(inbox_id, incarnation, revision + 1),
                *(total + 1, unread + 1, unseen + 1),
            )
            of_channel[inbox_id] = Counters(
                in_channel.total + 1, in_channel.unread + 1, in_channel.unseen + 1
            )
            copies.append((inbox_id, revision))
            arrivals.append(
                Arrival(
                    InboxKey(tenant, user),
                    incarnation,
                    revision,
                    message,
                    Counters(total, unread, unseen),
                    in_channel,
                )
            )
        revisions = dict(copies)
        if _MANY <= len(copies) == len(revisions):
            _INSERT_COPIES(connection, {"sequence": message.sequence, "revisions": pack(revisions)})
        else:  # a recipient twice comes here too, and the database refuses it
            mixed += [(inbox_id, message.sequence, at) for inbox_id, at in copies]
    if mixed:
        _INSERT_MIXED_COPIES(connection, {"copies": pack(mixed)})
    return arrivals


def _count_inboxes(
    connection: Connection, tenant: str, addressed: Sequence[Addressed]
) -> dict[str, _Standing]:
    """Adds to inboxes what arrives, and gives birth to those that are new.

    Returns, by user, the inbox's number, its incarnation, and what revision
    and counters are after the first arrival.
    """
    arrived = Counter(chain.from_iterable(users for _, users in addressed))
    parameters: dict[str, str | int] = {
        "tenant": tenant,
        "incarnation": randbits(62) + 1,
        "arrived": pack(dict(sorted(arrived.items()))),
    }
    standing: dict[str, _Standing] = {}
    for user, inbox_id, incarnation, *counts in _COUNT_INBOXES(connection, parameters):
        later = arrived[user] - 1
        revision, total, unread, unseen = counts
        standing[user] = (
            *(inbox_id, incarnation, revision - later),
            *(total - later, unread - later, unseen - later),
        )
    return standing


def _count_channels(
    connection: Connection,
    addressed: Sequence[Addressed],
    standing: Mapping[str, _Standing],
) -> dict[str, dict[int, Counters]]:
    """Adds what arrives to the inboxes' counters of channels.

    Returns, by channel and the inbox's number, what the counters are after the
    first arrival.
    """
    arrived: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for message, users in addressed:
        arrived[message.channel_id].update([standing[user][0] for user in users])
    after: dict[str, dict[int, Counters]] = {}
    for channel_id, inboxes_of in sorted(arrived.items()):
        parameters = {
            "channel_id": channel_id,
            "arrived": pack(dict(sorted(inboxes_of.items()))),
        }
        after[channel_id] = of_channel = {}
        for inbox_id, total, unread, unseen in _COUNT_CHANNEL(connection, parameters):
            later = inboxes_of[inbox_id] - 1
            of_channel[inbox_id] = Counters(total - later, unread - later, unseen - later)
    return after
