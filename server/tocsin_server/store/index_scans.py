"""Scans of an inbox's notifications by one index each, latest arrival first.

`UNREAD` has the unread notifications of all channels. `OF_CHANNEL` has all
notifications by channel. `ALL` is the table itself, by its key.

SQLite would rather read a whole inbox by the key. So each scan is an alias of the
table, and a statement that selects from it takes `SQLITE_INDEXES`.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, FromClause, Select, bindparam, func, select, union_all
from sqlalchemy.sql.selectable import NamedFromClause

from tocsin_server.domain.model.counters import ChannelCounters
from tocsin_server.store.schema.tables import notifications

ALL = notifications.alias("by_key")
UNREAD = notifications.alias("among_unread")
OF_CHANNEL = notifications.alias("by_channel")

SQLITE_INDEXES = {
    UNREAD.name: "ix_notifications_unread",
    OF_CHANNEL.name: "ix_notifications_of_channel",
}
"""The index by which SQLite must read each alias."""

SCANNED_CHANNELS = 10
"""How many channels are scanned one by one; a scan of all is cheaper than one of each of many."""


def scan(table: NamedFromClause, *columns: str) -> Select[tuple[int]]:
    """Returns a query of the notifications of the inbox `:inbox`, latest arrival first.

    Its first column is the arrive revision; the others are named by `columns`.
    """
    query = (
        select(table.c.arrive_revision, *(table.c[name] for name in columns))
        .where(table.c.inbox_id == bindparam("inbox"), table.c.remove_time.is_(None))
        .order_by(table.c.arrive_revision.desc())
    )
    return query.where(is_unread(table)) if table is UNREAD else query


def is_unread(table: FromClause) -> ColumnElement[bool]:
    """Returns the condition that a notification is unread."""
    if table is OF_CHANNEL:
        # Not "read_time IS NULL": PostgreSQL would read the index with that condition.
        return func.coalesce(table.c.read_time, -1) == -1
    return table.c.read_time.is_(None)


def merged(scans: Iterable[Select[tuple[int]]]) -> Select[tuple[int]]:
    """Returns a query of the `:limit` latest arrivals that some scans find.

    A scan without a limit is read only as far as the merge needs it. PostgreSQL merges
    if order and limit of the whole are outside of the union; for SQLite this makes no
    difference.
    """
    # SQLite takes no LIMIT inside a union, but one inside a subquery of it.
    subqueries = [scan.subquery() for scan in scans]
    union = union_all(*(select(each.c.arrive_revision) for each in subqueries)).subquery()
    return (
        select(union.c.arrive_revision)
        .order_by(union.c.arrive_revision.desc())
        .limit(bindparam("limit"))
    )


def scans_each(of_channels: Sequence[ChannelCounters], rows: int) -> bool:
    """Returns whether to scan each channel by itself, or else all `rows` that contain them."""
    in_channels = sum(counters.total for _, counters in of_channels)
    return len(of_channels) <= SCANNED_CHANNELS and in_channels < rows
