"""Lists the notifications of an inbox.

The list of all notifications reads the table, which is in the order of the list. Any
other list finds first when its notifications arrived, and then reads the rows. The
arrivals are merged from branches: one for each combination of a channel and a read
state. A branch reads an index that has its notifications alone, in the order of the
list. So a page takes about as many steps as it has notifications and channels, whatever
else is in the inbox.
"""

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice

from sqlalchemy import Connection, Select, bindparam, select

from tocsin_server.domain.model.inboxes import Notification, NotificationFilter
from tocsin_server.domain.model.pages import Page
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.json_rows import is_one_of, numbers, pack
from tocsin_server.store.page_keys import number_after, page_key
from tocsin_server.store.pages import COPIES, STATE_COLUMNS, bounded, notification, split
from tocsin_server.store.read_states import BY_ARRIVAL, BY_CHANNEL, SQLITE_INDEXES, latest
from tocsin_server.store.schema.tables import notifications

FRONT = 2**62
"""Above every arrive revision: where the first page of a list begins."""

_CHANNELS = 10
"""How many channels one statement merges. Databases take long to plan one of many branches."""

_READ = {
    NotificationFilter.ALL: (False, True),
    NotificationFilter.UNREAD: (False,),
    NotificationFilter.READ: (True,),
}
"""For each filter, whether the notifications that it lets pass are read."""

_COPIES = (
    select(*STATE_COLUMNS)
    .select_from(COPIES)
    .where(
        notifications.c.inbox_id == bindparam("inbox"),
        notifications.c.remove_time.is_(None),
    )
)
_WHOLE = bounded(
    _COPIES.where(notifications.c.arrive_revision < bindparam("before")),
    notifications.c.arrive_revision.desc(),
)
"""A page of the list of all notifications."""

_ROWS = bounded(
    _COPIES.where(is_one_of(notifications.c.arrive_revision, numbers("arrivals"))),
    notifications.c.arrive_revision.desc(),
)
"""The page with these arrivals."""


def _branches(which: NotificationFilter, channels: int) -> Iterator[Select[tuple[int]]]:
    """Yields the queries of the arrivals that a list merges."""
    for read in _READ[which]:
        rows = (BY_CHANNEL if channels else BY_ARRIVAL)[read]
        before = rows.table.c.arrive_revision < bindparam("before")
        if not channels:
            yield rows.arrivals(before)
        for number in range(channels):
            is_of_channel = rows.table.c.channel_id == bindparam(f"channel_{number}")
            yield rows.arrivals(before, is_of_channel)


_ARRIVALS = {
    (which, channels): Prepared(
        latest(_branches(which, channels), bindparam("limit")), SQLITE_INDEXES
    )
    for which in NotificationFilter
    for channels in (0, 1, _CHANNELS)
}
"""By filter and number of channels, the arrivals of a page; 0 stands for all channels."""


def list_page(
    connection: Connection,
    inbox_id: int,
    channel_ids: Sequence[str],
    which: NotificationFilter,
    after: str,
    limit: int,
) -> Page[Notification]:
    """Returns up to `limit` notifications, latest arrival first, from a page key on."""
    parameters = {"inbox": inbox_id, "limit": limit + 1}
    before = number_after(after, FRONT)
    if which is NotificationFilter.ALL and not channel_ids:
        fetched = _WHOLE(connection, {**parameters, "before": before})
    else:
        arrivals = _arrivals(connection, inbox_id, channel_ids, which, before, limit + 1)
        fetched = _ROWS(connection, {**parameters, "arrivals": pack(arrivals)})
    rows, next_row = split(fetched, limit)
    items = [notification(row) for row in rows]
    return Page(items, next="" if next_row is None else page_key(items[-1].arrive_revision))


def _arrivals(
    connection: Connection,
    inbox_id: int,
    channel_ids: Sequence[str],
    which: NotificationFilter,
    before: int,
    limit: int,
) -> list[int]:
    """Returns up to `limit` arrivals before a revision, the latest first."""
    parameters = {"inbox": inbox_id, "before": before, "limit": limit}
    if not channel_ids:
        return [revision for (revision,) in _ARRIVALS[which, 0](connection, parameters)]
    distinct = list(dict.fromkeys(channel_ids))
    found: list[list[int]] = []
    for begin in range(0, len(distinct), _CHANNELS):
        some: list[str | None] = [*distinct[begin : begin + _CHANNELS]]
        size = 1 if len(some) == 1 else _CHANNELS
        some += [None] * (size - len(some))  # no channel has the id NULL
        of_channels = {f"channel_{number}": channel_id for number, channel_id in enumerate(some)}
        rows = _ARRIVALS[which, size](connection, {**parameters, **of_channels})
        found.append([revision for (revision,) in rows])
    return list(islice(merge(*found, reverse=True), limit))
