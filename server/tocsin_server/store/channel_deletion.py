"""Deletes a channel: hides it at once, and removes its notifications in the steps of a job."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from json import dumps, loads
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Text,
    bindparam,
    delete,
    func,
    select,
    update,
)

from tocsin_server.domain.model.changes import Change, Removal
from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.errors import ChannelNotEmpty, ChannelNotFound
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.store import channel_rows
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.inbox_rows import lock
from tocsin_server.store.jobs import Job, JobStep, begin
from tocsin_server.store.json_rows import columns, is_one_of, numbers, pack
from tocsin_server.store.revisions import Difference, next_revisions
from tocsin_server.store.schema.tables import channels as channels_table
from tocsin_server.store.schema.tables import inbox_channels, inboxes, messages, notifications

DELETE_CHANNEL = "delete channel"
"""The kind of job that deletes a channel with its messages; its subject is the channel id."""

STEP_COPIES = 30
"""How many notifications a step removes; it holds the writer for some milliseconds."""

_OF_CHANNEL = (
    messages.c.tenant == bindparam("tenant"),
    messages.c.channel_id == bindparam("channel_id"),
)
_HAS_MESSAGES = Prepared(select(messages.c.sequence).where(*_OF_CHANNEL).limit(1))
_CHANNEL = (
    channels_table.c.tenant == bindparam("tenant"),
    channels_table.c.channel_id == bindparam("channel_id"),
)
_HIDE = Prepared(
    update(channels_table).where(*_CHANNEL).values(delete_time=bindparam("now", type_=BigInteger))
)
_BEING_DELETED = Prepared(
    select(channels_table.c.channel_id)
    .where(*_CHANNEL, channels_table.c.delete_time.is_not(None))
    .with_for_update()
)
_DELETE_CHANNEL_ROW = Prepared(delete(channels_table).where(*_CHANNEL))
_COPY = (
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
    # Not "remove_time IS NULL": the partial indexes with that condition have another order.
    .where(func.coalesce(notifications.c.remove_time, 0) == 0)
    .limit(bindparam("limit"))
)
_REST = Prepared(
    _COPY.where(
        messages.c.sequence == bindparam("sequence"),
        notifications.c.inbox_id > bindparam("inbox"),
    ).order_by(notifications.c.inbox_id)
)
"""The next copies of the message at which the last step ended."""

_NEXT = Prepared(
    _COPY.where(*_OF_CHANNEL, messages.c.sequence > bindparam("sequence")).order_by(
        messages.c.sequence, notifications.c.inbox_id
    )
)
"""The copies of the messages after it."""

_inbox, _arrived, _at, _message_id = columns("removed", [*[BigInteger()] * 3, Text()])
_SET_TOMBSTONES = Prepared(
    update(notifications)
    .where(notifications.c.inbox_id == _inbox, notifications.c.arrive_revision == _arrived)
    .values(
        revision=_at,
        remove_time=bindparam("now", type_=BigInteger),
        message_id=_message_id,
    )
)
_DELETE_MESSAGES = Prepared(
    delete(messages).where(*_OF_CHANNEL, messages.c.sequence < bindparam("below"))
)
_DELETE_COUNTERS = Prepared(
    delete(inbox_channels).where(
        is_one_of(inbox_channels.c.inbox_id, numbers("inboxes")),
        inbox_channels.c.channel_id == bindparam("channel_id"),
        inbox_channels.c.total_count == 0,
    )
)


def decide(connection: Connection, tenant: str, channel_id: str, now: int, *, force: bool) -> None:
    """Deletes a channel without messages; begins the job that deletes one with messages.

    Raises:
        ChannelNotFound: the tenant has no channel with this id.
        ChannelNotEmpty: the channel has messages, and `force` is not set.
    """
    if channel_rows.find(connection, tenant, channel_id, lock=True) is None:
        raise ChannelNotFound(channel_id=channel_id)
    channel = {"tenant": tenant, "channel_id": channel_id}
    if not _HAS_MESSAGES(connection, channel):
        _DELETE_CHANNEL_ROW(connection, channel)
    elif not force:
        raise ChannelNotEmpty(channel_id=channel_id)
    else:
        _HIDE(connection, {**channel, "now": now})
        begin(connection, tenant, DELETE_CHANNEL, channel_id)


def remove_some(connection: Connection, job: Job, now: int) -> JobStep:
    """Removes some notifications of a deleted channel, and in the last step the channel.

    The order is (sequence of the message, inbox number), and the position is that of
    the last notification. A deleted channel gets no new messages. If the channel is not
    being deleted, another job has finished the deletion and the id may belong to a new
    channel, so this job ends.
    """
    tenant, channel_id = job.tenant, job.subject
    channel = {"tenant": tenant, "channel_id": channel_id}
    if not _BEING_DELETED(connection, channel):
        return JobStep((), None)
    sequence, inbox_id = loads(job.position) if job.position else (0, 0)
    place = {**channel, "sequence": sequence, "inbox": inbox_id}
    lock(connection, {copy[3] for copy in _next_copies(connection, place)})
    copies = _next_copies(connection, place)  # read again, now that their inboxes are locked
    if not copies:
        _DELETE_MESSAGES(connection, {**channel, "below": 2**63 - 1})
        _DELETE_CHANNEL_ROW(connection, channel)
        return JobStep((), None)
    changes = _remove(connection, tenant, channel_id, copies, now)
    sequence, _, _, inbox_id, *_ = copies[-1]
    _DELETE_MESSAGES(connection, {**channel, "below": sequence})
    return JobStep(changes, dumps([sequence, inbox_id]))


def _next_copies(connection: Connection, place: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """Returns the copies after a place, up to `STEP_COPIES`."""
    rest = _REST(connection, {**place, "limit": STEP_COPIES})
    return [*rest, *_NEXT(connection, {**place, "limit": STEP_COPIES - len(rest)})]


def _remove(
    connection: Connection,
    tenant: str,
    channel_id: str,
    copies: Sequence[Sequence[Any]],
    now: int,
) -> Sequence[Change]:
    """Removes notifications of one channel; each inbox takes one revision."""
    of_inbox = defaultdict(list)
    for copy in copies:
        of_inbox[copy[3]].append(copy)
    counted = next_revisions(
        connection,
        {
            inbox_id: [Difference(channel_id, _difference(own))]
            for inbox_id, own in of_inbox.items()
        },
    )
    removed = [
        (inbox_id, arrive_revision, counted[inbox_id].revision, message_id)
        for _, message_id, _, inbox_id, _, arrive_revision, *_ in copies
    ]
    _SET_TOMBSTONES(connection, {"removed": pack(removed), "now": now})
    _DELETE_COUNTERS(connection, {"inboxes": pack(list(of_inbox)), "channel_id": channel_id})
    changes = []
    for inbox_id, own in of_inbox.items():
        _, _, user_id, _, incarnation, *_ = own[0]
        revision, counters, channel_counters = counted[inbox_id]
        removals = [Removal(revision, sequence, message_id) for sequence, message_id, *_ in own]
        key = InboxKey(tenant, user_id)
        changes.append(Change(key, incarnation, revision, removals, counters, channel_counters))
    return changes


def _difference(copies: Sequence[Sequence[Any]]) -> Counters:
    """Returns by how much the removal of notifications changes the counters."""
    return Counters(
        -len(copies),
        -sum(read_time is None for *_, read_time in copies),
        -sum(seen_time is None for *_, seen_time, _ in copies),
    )
