"""Rows as the domain knows them, and pages of them that fit a response."""

from collections.abc import Sequence
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
"""How much of a response its items take; the rest is for what stands beside them."""

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
    """Returns what a row stands for that has `TOMBSTONE_COLUMNS` behind the others."""
    remove_time, sequence, message_id = row[11:14]
    return notification(row) if remove_time is None else Removal(row[6], sequence, message_id)


def bounded(
    query: Select[Any],
    *order: ColumnElement[Any],
    size: ColumnElement[int] = messages.c.size + ENVELOPE_BYTES,
    sqlite_index: str | None = None,
) -> Prepared:
    """Completes a query from `messages` with these, bounded to what fits a response.

    The query gives what else a row has; its rows begin with `MESSAGE_COLUMNS`,
    which are NULL where it finds no message. In the order given, it takes one
    row more than a page's limit, and stops behind the row that passes the
    size; `split` tells by them whether there is more. The last column is the
    size of a row and all before it. Sizes are added up before any body is read.
    """
    page = (
        query.add_columns(
            messages.c.sequence.label("of_message"),
            size.label("row_size"),
            func.sum(size).over(order_by=order, rows=(None, 0)).label("reach"),
        )
        .order_by(*order)
        .limit(bindparam("limit"))
        .subquery()
    )
    own = [c for c in page.c if c.name not in ("of_message", "row_size", "reach")]
    whole: FromClause = page.outerjoin(messages, messages.c.sequence == page.c.of_message)
    return Prepared(
        select(*MESSAGE_COLUMNS, *own, page.c.reach)
        .select_from(whole)
        .where(page.c.reach - page.c.row_size < PAGE_BYTES),
        sqlite_index,
    )


def split(found: Sequence[Stored], limit: int) -> tuple[Sequence[Stored], Stored | None]:
    """Returns a page of the rows of a `bounded` query, and the row behind it, if any.

    The query ran with the limit of the page and one. Its outer part promises no
    order, so the rows are put in that of their last column. A lone row that is
    larger than a page is a page, and stands for what may be behind it.
    """
    rows = sorted(found, key=itemgetter(-1))
    if rows and (len(rows) > limit or rows[-1][-1] >= PAGE_BYTES):
        return rows[:-1] or rows, rows[-1]
    return rows, None
