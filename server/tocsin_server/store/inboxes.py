"""Inboxes, read: heads and lists."""

from collections.abc import Iterable, Sequence
from enum import Enum

from sqlalchemy import Connection, bindparam, select

from tocsin_server.domain.model.counters import ChannelCounters, Counters
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Inbox, Notification, NotificationFilter
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.model.streams import Head
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.json_rows import is_among, is_one_of, numbers, pack, texts
from tocsin_server.store.pages import COPIES, STATE_COLUMNS, cut, fitting, notification
from tocsin_server.store.schema.tables import inbox_channels, inboxes, notifications

FRONT = 2**62
"""In front of every notification."""

_HEAD = select(
    inboxes.c.inbox_id,
    inboxes.c.incarnation,
    inboxes.c.revision,
    inboxes.c.oldest_revision,
    inboxes.c.total_count,
    inboxes.c.unread_count,
    inboxes.c.unseen_count,
).where(inboxes.c.tenant == bindparam("tenant"), inboxes.c.user_id == bindparam("user_id"))
_READ_HEAD = Prepared(_HEAD)
_LOCK_HEAD = Prepared(_HEAD.with_for_update())

_LOCK_SOME = Prepared(
    select(inboxes.c.inbox_id)
    .where(is_one_of(inboxes.c.inbox_id, numbers("inbox_ids")))
    # Not by the columns as they are: PostgreSQL would read all inboxes, in the order of an index.
    .order_by(inboxes.c.tenant + "", inboxes.c.user_id + "")
    .with_for_update()
)

_REVISIONS = Prepared(
    select(inboxes.c.user_id, inboxes.c.incarnation, inboxes.c.revision).where(
        inboxes.c.tenant == bindparam("tenant"), is_one_of(inboxes.c.user_id, texts("user_ids"))
    )
)

_CHANNEL_COUNTERS = Prepared(
    select(
        inbox_channels.c.channel_id,
        inbox_channels.c.total_count,
        inbox_channels.c.unread_count,
        inbox_channels.c.unseen_count,
    )
    .where(
        inbox_channels.c.inbox_id == bindparam("inbox_id"),
        inbox_channels.c.total_count > 0,
    )
    .order_by(inbox_channels.c.channel_id)
)

_COPIES = (
    select(*STATE_COLUMNS)
    .select_from(COPIES)
    .where(
        notifications.c.inbox_id == bindparam("inbox_id"),
        notifications.c.remove_time.is_(None),
    )
)


class _Channels(Enum):
    """How a listing narrows down the channels; one channel has an index of its own."""

    ALL = "all"
    ONE = "one"
    SOME = "some"


def _listing(which: NotificationFilter, channels: _Channels) -> Prepared:
    query = _COPIES.where(notifications.c.arrive_revision < bindparam("before"))
    if which is NotificationFilter.UNREAD:
        query = query.where(notifications.c.read_time.is_(None))
    if which is NotificationFilter.READ:
        query = query.where(notifications.c.read_time.is_not(None))
    if channels is _Channels.ONE:
        query = query.where(notifications.c.channel_id == bindparam("channel_ids"))
    if channels is _Channels.SOME:
        query = query.where(is_among(notifications.c.channel_id, texts("channel_ids")))
    by_unread = "ix_notifications_unread" if which is NotificationFilter.UNREAD else None
    return fitting(query, notifications.c.arrive_revision.desc(), sqlite_index=by_unread)


_LISTINGS = {
    (which, channels): _listing(which, channels)
    for which in NotificationFilter
    for channels in _Channels
}


def get(connection: Connection, key: InboxKey) -> Inbox:
    """Returns an inbox; the unborn one for a user never seen."""
    return find(connection, key)[1]


def head(connection: Connection, key: InboxKey, limit: int) -> Head:
    """Returns an inbox, all its channels' counters and its newest notifications."""
    inbox_id, inbox = find(connection, key)
    if inbox_id is None:
        return Head(inbox, (), Page((), more=False))
    newest = _list(connection, inbox_id, (), NotificationFilter.ALL, FRONT, limit)
    return Head(inbox, channel_counters(connection, inbox_id), newest)


def page(
    connection: Connection,
    key: InboxKey,
    channel_ids: Sequence[str],
    which: NotificationFilter,
    before: int | None,
    limit: int,
) -> Page[Notification]:
    """Returns up to `limit` notifications behind `before`, latest arrival first."""
    inbox_id, _ = find(connection, key)
    if inbox_id is None:
        return Page((), more=False)
    return _list(connection, inbox_id, channel_ids, which, before or FRONT, limit)


def revisions(
    connection: Connection, keys: Sequence[InboxKey]
) -> Sequence[tuple[InboxKey, int, int]]:
    """Returns (key, incarnation, revision) of those inboxes that exist."""
    users: dict[str, list[str]] = {}
    for key in keys:
        users.setdefault(key.tenant, []).append(key.user_id)
    return [
        (InboxKey(tenant, user_id), incarnation, revision)
        for tenant, user_ids in users.items()
        for user_id, incarnation, revision in _REVISIONS(
            connection, {"tenant": tenant, "user_ids": pack(user_ids)}
        )
    ]


def find(connection: Connection, key: InboxKey, *, lock: bool = False) -> tuple[int | None, Inbox]:
    """Returns an inbox's number, None for a user never seen, and the inbox.

    With `lock`, nobody else changes the inbox until the transaction ends.
    """
    rows = (_LOCK_HEAD if lock else _READ_HEAD)(connection, key._asdict())
    if not rows:
        return None, Inbox.unborn(key)
    inbox_id, incarnation, revision, oldest_revision, *counts = rows[0]
    return inbox_id, Inbox(key, incarnation, revision, oldest_revision, Counters(*counts))


def lock(connection: Connection, inbox_ids: Iterable[int]) -> None:
    """Sees to it that nobody else changes these inboxes until the transaction ends.

    They are locked in the order of their tenants and users, as by arrivals: so
    two transactions never wait for each other.
    """
    _LOCK_SOME(connection, {"inbox_ids": pack(list(inbox_ids))})


def channel_counters(connection: Connection, inbox_id: int) -> Sequence[ChannelCounters]:
    """Returns the counters of all channels that an inbox holds something of, by their ids."""
    rows = _CHANNEL_COUNTERS(connection, {"inbox_id": inbox_id})
    return [ChannelCounters(channel_id, Counters(*counts)) for channel_id, *counts in rows]


def _list(
    connection: Connection,
    inbox_id: int,
    channel_ids: Sequence[str],
    which: NotificationFilter,
    before: int,
    limit: int,
) -> Page[Notification]:
    parameters: dict[str, str | int] = {
        "inbox_id": inbox_id,
        "limit": limit + 1,
        "before": before,
    }
    channels = _Channels.ALL
    if len(channel_ids) == 1:
        channels, parameters["channel_ids"] = _Channels.ONE, channel_ids[0]
    elif channel_ids:
        channels, parameters["channel_ids"] = _Channels.SOME, pack(channel_ids)
    rows, behind = cut(_LISTINGS[which, channels](connection, parameters), limit)
    return Page([notification(row) for row in rows], more=behind is not None)
