"""Lists the notifications of an inbox."""

from collections.abc import Sequence
from enum import Enum

from sqlalchemy import Connection, bindparam, select

from tocsin_server.domain.model.inboxes import Notification, NotificationFilter
from tocsin_server.domain.model.pages import Page
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.json_rows import is_among, pack, texts
from tocsin_server.store.page_keys import page_key
from tocsin_server.store.pages import COPIES, STATE_COLUMNS, bounded, notification, split
from tocsin_server.store.schema.tables import notifications

FRONT = 2**62
"""Above every arrive revision: where the first page of a list begins."""

_COPIES = (
    select(*STATE_COLUMNS)
    .select_from(COPIES)
    .where(
        notifications.c.inbox_id == bindparam("inbox_id"),
        notifications.c.remove_time.is_(None),
    )
)


class _Channels(Enum):
    """How a list selects channels; a single channel uses an index of its own."""

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
    return bounded(query, notifications.c.arrive_revision.desc(), sqlite_index=by_unread)


_LISTINGS = {
    (which, channels): _listing(which, channels)
    for which in NotificationFilter
    for channels in _Channels
}


def list_page(
    connection: Connection,
    inbox_id: int,
    channel_ids: Sequence[str],
    which: NotificationFilter,
    before: int,
    limit: int,
) -> Page[Notification]:
    """Returns up to `limit` notifications that arrived before a revision, latest arrival first."""
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
    rows, next_row = split(_LISTINGS[which, channels](connection, parameters), limit)
    items = [notification(row) for row in rows]
    return Page(items, next="" if next_row is None else page_key(items[-1].arrive_revision))
