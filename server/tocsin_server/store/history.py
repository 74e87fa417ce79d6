"""Replay: what changed in an inbox after a position, as it stands, in pages.

Three sources tell, each in the order of revisions: what arrived and stayed as
it came, what was changed alone since (tombstones among it), and the log of
marks. A page merges the beginnings of all three. A source that has more than
it gave says nothing about what is behind its last item, so the page ends in
front of that, if not earlier.
"""

from collections.abc import Callable, Sequence
from json import loads

from sqlalchemy import Connection, bindparam, func, select, tuple_

from tocsin_server.domain.model.changes import ENVELOPE_BYTES, Item, Mark, order_of, size_of
from tocsin_server.domain.model.cursors import Position
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.streams import Replay
from tocsin_server.store import inboxes
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.pages import (
    COPIES,
    COPIES_AND_TOMBSTONES,
    PAGE_BYTES,
    STATE_COLUMNS,
    TOMBSTONE_COLUMNS,
    Stored,
    cut,
    fitting,
    notification,
    notification_or_removal,
)
from tocsin_server.store.schema.tables import marks, messages, notifications

_AFTER = tuple_(bindparam("revision"), bindparam("sequence"))

_ARRIVED = fitting(
    select(*STATE_COLUMNS)
    .select_from(COPIES)
    .where(
        notifications.c.inbox_id == bindparam("inbox_id"),
        notifications.c.remove_time.is_(None),
        notifications.c.revision == notifications.c.arrive_revision,
        # The range of the key, and the place inside its first revision.
        notifications.c.arrive_revision >= bindparam("revision"),
        tuple_(notifications.c.arrive_revision, notifications.c.sequence) > _AFTER,
    ),
    notifications.c.arrive_revision,
)
_CHANGED = fitting(
    select(*STATE_COLUMNS, *TOMBSTONE_COLUMNS)
    .select_from(COPIES_AND_TOMBSTONES)
    .where(
        notifications.c.inbox_id == bindparam("inbox_id"),
        notifications.c.revision != notifications.c.arrive_revision,
        tuple_(notifications.c.revision, notifications.c.sequence) > _AFTER,
    ),
    notifications.c.revision,
    notifications.c.sequence,
    size=func.coalesce(messages.c.size, 0) + ENVELOPE_BYTES,
)
_MARKS = Prepared(
    select(
        marks.c.revision,
        marks.c.channel_ids,
        marks.c.up_to_revision,
        marks.c.read,
        marks.c.seen,
        marks.c.mark_time,
    )
    .where(marks.c.inbox_id == bindparam("inbox_id"), marks.c.revision >= bindparam("revision"))
    .order_by(marks.c.revision)
    .limit(bindparam("limit"))
)

_Place = tuple[int, int]
"""Where something stands in an inbox's history: revision, message's sequence."""

_END: _Place = (2**63, 0)
"""Behind everything."""

_Source = tuple[Sequence[Item], _Place]
"""Items in order, and the place of the one behind them."""


def changes(connection: Connection, key: InboxKey, after: Position, limit: int) -> Replay:
    """Returns what was last changed after a position, ordered by (revision, sequence).

    A page that is not the last one ends inside the revision of its last item,
    or at it, when the item behind it belongs to another.
    """
    inbox_id, inbox = inboxes.find(connection, key)
    if inbox_id is None:
        return Replay(inbox, (), Position(0), caught_up=True, channel_counters=())
    # What has the next revision and a sequence up to the position's is
    # delivered; without a place inside it, nothing of it is.
    parameters = {
        "inbox_id": inbox_id,
        "revision": after.revision + 1,
        "sequence": after.sequence,
        "limit": limit + 1,
    }
    items, behind = _merge(
        [
            _rows(_ARRIVED(connection, parameters), limit, notification),
            _rows(_CHANGED(connection, parameters), limit, notification_or_removal),
            _log(_MARKS(connection, parameters), limit),
        ],
        limit,
    )
    if behind == _END:
        counters = inboxes.channel_counters(connection, inbox_id)
        return Replay(
            inbox, items, Position(inbox.revision), caught_up=True, channel_counters=counters
        )
    revision, sequence = order_of(items[-1])
    position = Position(revision) if behind[0] > revision else Position(revision - 1, sequence)
    return Replay(inbox, items, position, caught_up=False, channel_counters=())


def _rows(found: Sequence[Stored], limit: int, read: Callable[[Stored], Item]) -> _Source:
    """Returns the items of a `fitting` query's rows."""
    rows, behind = cut(found, limit)
    items = [read(row) for row in rows]
    if behind is None:
        return items, _END
    if behind is rows[-1]:  # a page of its own; nobody knows what is behind it
        revision, sequence = order_of(items[-1])
        return items, (revision, sequence + 1)
    return items, order_of(read(behind))


def _log(found: Sequence[Stored], limit: int) -> _Source:
    """Returns the marks of rows."""
    log = [
        Mark(
            revision,
            None if channel_ids is None else loads(channel_ids),
            up_to_revision,
            None if read is None else bool(read),
            None if seen is None else bool(seen),
            mark_time,
        )
        for revision, channel_ids, up_to_revision, read, seen, mark_time in found
    ]
    return log[:limit], order_of(log[limit]) if len(log) > limit else _END


def _merge(sources: Sequence[_Source], limit: int) -> _Source:
    """Returns the items up to where a source has more that it did not give, or a page is full."""
    sources = [source for source in sources if source[0]]
    if not sources:
        return (), _END
    if len(sources) == 1 and not isinstance(sources[0][0][0], Mark):
        return sources[0]  # cut to a page already
    end = min(behind for _, behind in sources)
    merged = sorted((item for items, _ in sources for item in items), key=order_of)
    page: list[Item] = []
    room = PAGE_BYTES
    for item in merged:
        room -= size_of(item)
        place = order_of(item)
        if place >= end:
            break
        if page and (room < 0 or len(page) == limit):
            return page, place
        page.append(item)
    return page, end
