"""Deleting a channel: at once for whoever asks, and step by step for what it has."""

from collections import defaultdict
from collections.abc import Sequence
from json import dumps, loads
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Connection,
    Text,
    bindparam,
    delete,
    select,
    tuple_,
    update,
)

from tocsin_server.domain.changes import Change, Removal
from tocsin_server.domain.errors import ChannelNotEmpty, ChannelNotFound
from tocsin_server.domain.identity import InboxKey
from tocsin_server.domain.inboxes import Counters
from tocsin_server.domain.requests import RequestKey
from tocsin_server.store import answers, channels, queueing
from tocsin_server.store.counting import Difference, count
from tocsin_server.store.prepared import Prepared
from tocsin_server.store.queueing import Job
from tocsin_server.store.tables import channels as channels_table
from tocsin_server.store.tables import inbox_channels, inboxes, messages, notifications

DELETE_CHANNEL = "delete channel"
"""The kind of job that removes what a channel has; its subject is the channel's id."""

STEP_COPIES = 100
"""How many notifications a step removes: it holds the writer for some milliseconds."""

_OF_CHANNEL = (
    messages.c.tenant == bindparam("tenant"),
    messages.c.channel_id == bindparam("channel_id"),
)
_HAS_MESSAGES = Prepared(select(messages.c.sequence).where(*_OF_CHANNEL).limit(1))
_ITSELF = (
    channels_table.c.tenant == bindparam("tenant"),
    channels_table.c.channel_id == bindparam("channel_id"),
)
_HIDE = Prepared(
    update(channels_table).where(*_ITSELF).values(delete_time=bindparam("now", type_=BigInteger))
)
_FREE = Prepared(delete(channels_table).where(*_ITSELF))
_COPIES = Prepared(
    select(
        messages.c.sequence,
        messages.c.message_id,
        inboxes.c.user_id,
        inboxes.c.inbox_id,
        inboxes.c.incarnation,
        notifications.c.arrive_revision,
        notifications.c.seen_time,
        notifications.c.read_time,
    )
    .select_from(messages)
    .join(notifications, notifications.c.sequence == messages.c.sequence)
    .join(inboxes, inboxes.c.inbox_id == notifications.c.inbox_id)
    .where(
        *_OF_CHANNEL,
        messages.c.sequence >= bindparam("sequence"),
        tuple_(messages.c.sequence, notifications.c.inbox_id)
        > tuple_(bindparam("sequence"), bindparam("inbox")),
        notifications.c.remove_time.is_(None),
    )
    .order_by(messages.c.sequence, notifications.c.inbox_id)
    .limit(STEP_COPIES)
)
_BURY = Prepared(
    update(notifications)
    .where(
        notifications.c.inbox_id == bindparam("inbox"),
        notifications.c.arrive_revision == bindparam("arrived"),
    )
    .values(
        revision=bindparam("at", type_=BigInteger),
        remove_time=bindparam("now", type_=BigInteger),
        message_id=bindparam("of_message", type_=Text),
    )
)
_FORGET_MESSAGES = Prepared(
    delete(messages).where(*_OF_CHANNEL, messages.c.sequence < bindparam("below"))
)
_FORGET_COUNTERS = Prepared(
    delete(inbox_channels).where(
        inbox_channels.c.inbox_id == bindparam("inbox"),
        inbox_channels.c.channel_id == bindparam("channel_id"),
        inbox_channels.c.total_count == 0,
    )
)


class Stepped(NamedTuple):
    """What a step of a job did to inboxes, and how far the job has come; None at its end."""

    changes: Sequence[Change]
    position: str | None


def delete_channel(
    connection: Connection,
    request: RequestKey,
    channel_id: str,
    now: int,
    horizon: int,
    *,
    force: bool,
) -> None:
    """Deletes a channel, or begins the job that does when it has messages.

    Raises:
        ChannelNotFound: there is none of that id.
        ChannelNotEmpty: it has messages, and is not to be forced.
        RequestIdReused: the request id stands for another request.
    """
    if earlier := answers.find(connection, [request], horizon).get(request.name):
        earlier.to(request)
        return
    if channels.get(connection, request.tenant, channel_id, lock=True) is None:
        raise ChannelNotFound(channel_id=channel_id)
    itself = {"tenant": request.tenant, "channel_id": channel_id}
    if not _HAS_MESSAGES(connection, itself):
        _FREE(connection, itself)
    elif not force:
        raise ChannelNotEmpty(channel_id=channel_id)
    else:
        _HIDE(connection, {**itself, "now": now})
        queueing.begin(connection, request.tenant, DELETE_CHANNEL, channel_id)
    answers.keep(connection, [(request, {})], now)


def remove_some(connection: Connection, job: Job, now: int) -> Stepped:
    """Removes some of a deleted channel's notifications, and at last the channel itself.

    They go in the order of (message's sequence, inbox), and the position is
    the last one's: nothing is added to a channel that is deleted.
    """
    tenant, channel_id = job.tenant, job.subject
    itself = {"tenant": tenant, "channel_id": channel_id}
    sequence, inbox_id = loads(job.position) if job.position else (0, 0)
    copies = _COPIES(connection, {**itself, "sequence": sequence, "inbox": inbox_id})
    if not copies:
        _FORGET_MESSAGES(connection, {**itself, "below": 2**63 - 1})
        _FREE(connection, itself)
        return Stepped((), None)
    of_inbox = defaultdict(list)
    for copy in copies:
        of_inbox[copy[2]].append(copy)
    # Inboxes are locked in the order of their users, as by arrivals.
    changes = [
        _remove(connection, InboxKey(tenant, user_id), channel_id, own, now)
        for user_id, own in sorted(of_inbox.items())
    ]
    sequence, _, _, inbox_id, *_ = copies[-1]
    _FORGET_MESSAGES(connection, {**itself, "below": sequence})
    return Stepped(changes, dumps([sequence, inbox_id]))


def _remove(
    connection: Connection,
    key: InboxKey,
    channel_id: str,
    copies: Sequence[tuple[Any, ...]],
    now: int,
) -> Change:
    """Removes notifications of one channel from one inbox, at one revision."""
    inbox_id, incarnation = copies[0][3:5]
    gone = Counters(
        -len(copies),
        -sum(read_time is None for *_, read_time in copies),
        -sum(seen_time is None for *_, seen_time, _ in copies),
    )
    counted = count(connection, inbox_id, [Difference(channel_id, gone)])
    removals = []
    for sequence, message_id, _, _, _, arrive_revision, _, _ in copies:
        _BURY(
            connection,
            {
                "inbox": inbox_id,
                "arrived": arrive_revision,
                "at": counted.revision,
                "now": now,
                "of_message": message_id,
            },
        )
        removals.append(Removal(counted.revision, sequence, message_id))
    _FORGET_COUNTERS(connection, {"inbox": inbox_id, "channel_id": channel_id})
    return Change(
        key,
        incarnation,
        counted.revision,
        removals,
        counted.counters,
        counted.channel_counters,
    )
