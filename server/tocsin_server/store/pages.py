"""Converts rows into the domain's objects, and bounds pages of rows to the size of a response."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, bindparam, func, select

from tocsin_server.domain.model.changes import ENVELOPE_BYTES, Removal
from tocsin_server.domain.model.inboxes import Notification
from tocsin_server.domain.model.limits import RESPONSE_BYTES
from tocsin_server.domain.model.messages import Message
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.schema.tables import messages, notifications

PAGE_BYTES = RESPONSE_BYTES * 3 // 4
"""The part of a response for its items; the rest is for its other fields."""

Stored = tuple[Any, ...]
"""A row."""

MESSAGE_COLUMNS = (
    messages.c.sequence,
    messages.c.message_id,
    messages.c.channel_id,
    messages.c.state,
    messages.c.create_time,
    messages.c.body,
)
STATE_COLUMNS = (
    notifications.c.revision,
    notifications.c.arrive_revision,
    notifications.c.receive_time,
    notifications.c.seen_time,
    notifications.c.read_time,
)
TOMBSTONE_COLUMNS = (
    notifications.c.remove_time,
    notifications.c.sequence,
    notifications.c.message_id,
)
_OF_MESSAGE = messages.c.sequence == notifications.c.sequence
COPIES = notifications.join(messages, _OF_MESSAGE)
COPIES_AND_TOMBSTONES = notifications.outerjoin(messages, _OF_MESSAGE)


def message(row: Stored) -> Message:
    """Returns the message of a row that begins with `MESSAGE_COLUMNS`."""
    return Message(*row[:6])


def notification(row: Stored) -> Notification:
    """Returns the notification of a row of `MESSAGE_COLUMNS` and `STATE_COLUMNS`."""
    return Notification(Message(*row[:6]), *row[6:11])


def notification_or_removal(row: Stored) -> Notification | Removal:
    """Returns the notification or removal of a row that ends with `TOMBSTONE_COLUMNS`."""
    remove_time, sequence, message_id = row[11:14]
    return notification(row) if remove_time is None else Removal(row[6], sequence, message_id)


def bounded(
    query: Select[Any],
    *order: ColumnElement[Any],
    size: ColumnElement[int] = messages.c.size + ENVELOPE_BYTES,
    sqlite_indexes: Mapping[str, str] | None = None,
) -> Prepared:
    """Returns a statement that adds the message to each row, and bounds the rows to a page.

    `query` selects the other columns. The result's rows begin with
    `MESSAGE_COLUMNS`, which are NULL if there is no message. Its last column is the
    running total of the sizes. In the given order, the statement returns up to
    `limit` rows (pass the page's limit plus one) and ends with the row that exceeds
    `PAGE_BYTES`; `split` detects from the extra row whether there is a next page.
    Sizes are summed before any body is read.
    """
    page = (
        query.add_columns(
            messages.c.sequence.label("of_message"),
            size.label("row_size"),
            func.sum(size).over(order_by=order, rows=(None, 0)).label("total_size"),
        )
        .order_by(*order)
        .limit(bindparam("limit"))
        .subquery()
    )
    own = [c for c in page.c if c.name not in ("of_message", "row_size", "total_size")]
    with_messages: FromClause = page.outerjoin(messages, messages.c.sequence == page.c.of_message)
    return Prepared(
        select(*MESSAGE_COLUMNS, *own, page.c.total_size)
        .select_from(with_messages)
        .where(page.c.total_size - page.c.row_size < PAGE_BYTES),
        sqlite_indexes,
    )


def split(fetched: Sequence[Stored], limit: int) -> tuple[Sequence[Stored], Stored | None]:
    """Splits the rows of a `bounded` statement into a page and the row after it, if any.

    The statement ran with `limit` + 1. Its outer query guarantees no order, so the
    rows are sorted by their last column. A single row that is larger than a page is a
    page of its own; it is also returned as the next row, because more may follow.
    """
    rows = sorted(fetched, key=itemgetter(-1))
    if rows and (len(rows) > limit or rows[-1][-1] >= PAGE_BYTES):
        return rows[:-1] or rows, rows[-1]
    return rows, None
