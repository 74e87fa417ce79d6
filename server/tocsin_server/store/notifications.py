"""Lists the notifications of an inbox.

A list scans the unread notifications of the inbox, or all of them, or each selected
channel by itself. Counters bound each scan: channels that have none of what is listed
are left out, and a scan ends when it has found all that there are.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, bindparam, select, true

from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.inboxes import (
    Notification,
    NotificationFilter,
    NotificationQuery,
)
from tocsin_server.domain.model.pages import Page
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.inbox_rows import counters_of
from tocsin_server.store.index_scans import (
    OF_CHANNEL,
    SCANNED_CHANNELS,
    SQLITE_INDEXES,
    UNREAD,
    is_unread,
    merged,
    scan,
    scans_each,
)
from tocsin_server.store.json_rows import is_among, is_one_of, pack, texts
from tocsin_server.store.page_keys import page_key
from tocsin_server.store.pages import COPIES, STATE_COLUMNS, bounded, notification, split
from tocsin_server.store.schema.tables import notifications

FRONT = 2**62
"""Above every arrive revision: where the first page of a list begins."""

_COPIES = (
    select(*STATE_COLUMNS)
    .select_from(COPIES)
    .where(
        notifications.c.inbox_id == bindparam("inbox"),
        notifications.c.remove_time.is_(None),
    )
)
_ORDER = notifications.c.arrive_revision.desc()


def _is_listed(table: FromClause, which: NotificationFilter) -> ColumnElement[bool]:
    """Returns the condition of the notifications that a filter lets pass."""
    if which is NotificationFilter.ALL:
        return true()
    unread = is_unread(table)
    return unread if which is NotificationFilter.UNREAD else ~unread


def _page(arrivals: Select[tuple[int]]) -> Prepared:
    """Returns a statement that finds the page with some arrivals."""
    query = _COPIES.where(is_one_of(notifications.c.arrive_revision, arrivals))
    return bounded(query, _ORDER, sqlite_indexes=SQLITE_INDEXES)


def _one_scan(which: NotificationFilter, *, of_channels: bool) -> Prepared:
    """Returns a statement that finds a page by one scan, of all channels or of some."""
    table = UNREAD if which is NotificationFilter.UNREAD else notifications
    conditions = [table.c.arrive_revision < bindparam("before"), _is_listed(table, which)]
    if of_channels:
        conditions.append(is_among(table.c.channel_id, texts("ids")))
    if table is UNREAD:
        return _page(scan(UNREAD).where(*conditions).limit(bindparam("limit")))
    return bounded(_COPIES.where(*conditions), _ORDER)


def _scan_of_each(which: NotificationFilter, channels: int) -> Prepared:
    """Returns a statement that finds a page by one scan for each channel.

    Each of several scans of a read state has a limit of its own. Otherwise it would walk
    through all of the other state to find out that there is nothing more.
    """
    scans = [
        scan(OF_CHANNEL).where(
            OF_CHANNEL.c.channel_id == bindparam(f"channel_{number}"),
            OF_CHANNEL.c.arrive_revision < bindparam("before"),
            _is_listed(OF_CHANNEL, which),
        )
        for number in range(channels)
    ]
    if which is not NotificationFilter.ALL and channels > 1:
        scans = [query.limit(bindparam(f"most_{number}")) for number, query in enumerate(scans)]
    return _page(merged(scans))


_ONE_SCAN = {
    (which, of_channels): _one_scan(which, of_channels=of_channels)
    for which in NotificationFilter
    for of_channels in (False, True)
}
"""By filter, and whether channels are selected."""

_SCAN_OF_EACH = {
    (which, channels): _scan_of_each(which, channels)
    for which in NotificationFilter
    for channels in (1, SCANNED_CHANNELS)
}
"""By filter and number of channels."""


def list_page(
    connection: Connection,
    inbox_id: int,
    counters: Counters,
    query: NotificationQuery,
    before: int,
) -> Page[Notification]:
    """Returns a page of an inbox's notifications that arrived before a revision, the latest first.

    `counters` are the inbox's.
    """
    channel_ids, which, limit = query.channel_ids, query.which, query.limit
    of_channels = counters_of(connection, inbox_id, channel_ids) if channel_ids else ()
    of_channels = [each for each in of_channels if _count(each.counters, which)]
    parameters: dict[str, Any] = {"inbox": inbox_id, "before": before}
    listed = [each.counters for each in of_channels] if channel_ids else [counters]
    parameters["limit"] = min(limit + 1, sum(_count(each, which) for each in listed))
    scanned = counters.unread if which is NotificationFilter.UNREAD else counters.total
    if channel_ids and scans_each(of_channels, scanned):
        size = 1 if len(of_channels) == 1 else SCANNED_CHANNELS
        statement = _SCAN_OF_EACH[which, size]
        for number in range(size):
            # No channel has the id NULL.
            channel_id, of_channel = None, Counters(0, 0, 0)
            if number < len(of_channels):
                channel_id, of_channel = of_channels[number]
            parameters[f"channel_{number}"] = channel_id
            parameters[f"most_{number}"] = min(limit + 1, _count(of_channel, which))
    else:
        statement = _ONE_SCAN[which, bool(channel_ids)]
        parameters["ids"] = pack(channel_ids)
    rows, next_row = split(statement(connection, parameters), limit)
    items = [notification(row) for row in rows]
    return Page(items, next="" if next_row is None else page_key(items[-1].arrive_revision))


def _count(counters: Counters, which: NotificationFilter) -> int:
    """Returns how many notifications a filter lets pass."""
    total, unread, _ = counters
    return {
        NotificationFilter.ALL: total,
        NotificationFilter.UNREAD: unread,
        NotificationFilter.READ: total - unread,
    }[which]
