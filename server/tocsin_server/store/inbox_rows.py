"""Finds and locks the rows of inboxes, and reads the counters of their channels."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from tocsin_server.domain.model.counters import ChannelCounters, Counters
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Inbox
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.json_rows import is_one_of, numbers, pack, texts
from tocsin_server.store.schema.tables import inbox_channels, inboxes

_INBOX = select(
    inboxes.c.inbox_id,
    inboxes.c.incarnation,
    inboxes.c.revision,
    inboxes.c.oldest_revision,
    inboxes.c.total_count,
    inboxes.c.unread_count,
    inboxes.c.unseen_count,
).where(inboxes.c.tenant == bindparam("tenant"), inboxes.c.user_id == bindparam("user_id"))
_READ = Prepared(_INBOX)
_LOCK = Prepared(_INBOX.with_for_update())

_LOCK_SOME = Prepared(
    select(inboxes.c.inbox_id)
    .where(is_one_of(inboxes.c.inbox_id, numbers("inbox_ids")))
    # Plain columns would make PostgreSQL read all inboxes in the order of an index.
    .order_by(inboxes.c.tenant + "", inboxes.c.user_id + "")
    .with_for_update()
)

_CHANNELS = select(
    inbox_channels.c.channel_id,
    inbox_channels.c.total_count,
    inbox_channels.c.unread_count,
    inbox_channels.c.unseen_count,
).where(inbox_channels.c.inbox_id == bindparam("inbox_id"), inbox_channels.c.total_count > 0)
_ALL_CHANNELS = Prepared(_CHANNELS.order_by(inbox_channels.c.channel_id))
_SOME_CHANNELS = Prepared(_CHANNELS.where(is_one_of(inbox_channels.c.channel_id, texts("ids"))))


def find(connection: Connection, key: InboxKey, *, lock: bool = False) -> tuple[int | None, Inbox]:
    """Returns the number of an inbox and the inbox; None and an empty inbox for an unknown user.

    With `lock`, no other transaction can change the inbox until this one ends.
    """
    rows = (_LOCK if lock else _READ)(connection, key._asdict())
    if not rows:
        return None, Inbox.unborn(key)
    inbox_id, incarnation, revision, oldest_revision, *counts = rows[0]
    return inbox_id, Inbox(key, incarnation, revision, oldest_revision, Counters(*counts))


def lock(connection: Connection, inbox_ids: Iterable[int]) -> None:
    """Locks inboxes: no other transaction can change them until this one ends.

    They are locked in the order of tenants and users, as in a fan-out, so two
    transactions never deadlock.
    """
    _LOCK_SOME(connection, {"inbox_ids": pack(list(inbox_ids))})


def channel_counters(connection: Connection, inbox_id: int) -> Sequence[ChannelCounters]:
    """Returns the counters of the channels that have notifications in an inbox, by channel id."""
    return _counters(_ALL_CHANNELS(connection, {"inbox_id": inbox_id}))


def counters_of(
    connection: Connection, inbox_id: int, channel_ids: Iterable[str]
) -> Sequence[ChannelCounters]:
    """Returns the counters of those of some channels that have notifications in an inbox."""
    return _counters(_SOME_CHANNELS(connection, {"inbox_id": inbox_id, "ids": pack(channel_ids)}))


def _counters(rows: Sequence[Sequence[Any]]) -> Sequence[ChannelCounters]:
    return [ChannelCounters(channel_id, Counters(*counts)) for channel_id, *counts in rows]
