"""The notifications of an inbox by read state: the unread ones and the read ones.

A state has two indexes that hold only its notifications: one in the order of arrival,
and one by channel and then in the order of arrival. So a statement reads only rows that
it needs, however many others the inbox has. What needs both states is a union of two.

SQLite would rather read a whole inbox in the order of its key. So the states are
aliases of the table, and a statement that selects from them takes `SQLITE_INDEXES`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, select, union_all
from sqlalchemy.sql.selectable import NamedFromClause

from tocsin_server.store.schema.tables import notifications


class StateRows(NamedTuple):
    """The notifications of one state in the inbox `:inbox`, as one index has them.

    Attributes:
        table: the alias that is read by the index.
        condition: what selects the rows.
    """

    table: NamedFromClause
    condition: ColumnElement[bool]

    def arrivals(self, *conditions: ColumnElement[bool]) -> Select[tuple[int]]:
        """Returns a query of the arrive revisions of some of the rows."""
        return select(self.table.c.arrive_revision).where(self.condition, *conditions)


def latest(branches: Iterable[Select[tuple[int]]], limit: ColumnElement[int]) -> Select[tuple[int]]:
    """Returns a query that merges some queries of arrivals, and ends at a limit.

    A branch reads one index, and only as far as the merge needs it. PostgreSQL merges
    branches if they are in order by themselves, and if order and limit of the whole are
    outside of the union; for SQLite all of this makes no difference.
    """
    ordered = (
        branch.order_by(branch.selected_columns.arrive_revision.desc()).subquery()
        for branch in branches
    )
    merged = union_all(*(select(each.c.arrive_revision) for each in ordered)).subquery()
    return select(merged.c.arrive_revision).order_by(merged.c.arrive_revision.desc()).limit(limit)


def _rows(index: str, *, read: bool) -> StateRows:
    table = notifications.alias(f"{index}_rows")
    read_time = table.c.read_time
    return StateRows(
        table,
        and_(
            table.c.inbox_id == bindparam("inbox"),
            read_time.is_not(None) if read else read_time.is_(None),
            table.c.remove_time.is_(None),
        ),
    )


BY_ARRIVAL = {False: _rows("unread", read=False), True: _rows("read", read=True)}
"""By whether they are read: the rows in the order of arrival."""

BY_CHANNEL = {
    False: _rows("unread_of_channel", read=False),
    True: _rows("read_of_channel", read=True),
}
"""By whether they are read: the rows by channel, and then in the order of arrival."""

SQLITE_INDEXES = {
    rows.table.name: f"ix_notifications_{rows.table.name.removesuffix('_rows')}"
    for rows in (*BY_ARRIVAL.values(), *BY_CHANNEL.values())
}
"""The index by which SQLite must read each alias."""
