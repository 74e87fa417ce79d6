"""History: the head of an inbox, and its changes after a position, in pages.

A replay merges three sources, each ordered by revision: notifications that have not
changed by themselves since their arrival, those that have (including tombstones),
and the log of marks. For a page, a limited number of items is read from each
source. The page ends before the first item that a source has not returned, because
later items of the other sources must not come before it.
"""

from collections.abc import Callable, Sequence
from json import loads

from sqlalchemy import Connection, bindparam, func, select, tuple_

from tocsin_server.domain.model.changes import ENVELOPE_BYTES, Item, Mark, order_of, size_of
from tocsin_server.domain.model.cursors import Position
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Notification, NotificationQuery
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.model.streams import Head, Replay
from tocsin_server.store import inbox_rows
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.json_rows import is_one_of, pack, texts
from tocsin_server.store.notifications import FRONT, list_page
from tocsin_server.store.page_keys import number_after
from tocsin_server.store.pages import (
    COPIES,
    COPIES_AND_TOMBSTONES,
    PAGE_BYTES,
    STATE_COLUMNS,
    TOMBSTONE_COLUMNS,
    Stored,
    bounded,
    notification,
    notification_or_removal,
    split,
)
from tocsin_server.store.reader import Reader
from tocsin_server.store.schema.tables import inboxes, marks, messages, notifications

_AFTER = tuple_(bindparam("revision"), bindparam("sequence"))

_ARRIVED = bounded(
    select(*STATE_COLUMNS)
    .select_from(COPIES)
    .where(
        notifications.c.inbox_id == bindparam("inbox_id"),
        notifications.c.remove_time.is_(None),
        notifications.c.revision == notifications.c.arrive_revision,
        # The range of the key; the next condition is the position inside its first revision.
        notifications.c.arrive_revision >= bindparam("revision"),
        tuple_(notifications.c.arrive_revision, notifications.c.sequence) > _AFTER,
    ),
    notifications.c.arrive_revision,
)
_CHANGED = bounded(
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

_REVISIONS = Prepared(
    select(inboxes.c.user_id, inboxes.c.incarnation, inboxes.c.revision).where(
        inboxes.c.tenant == bindparam("tenant"), is_one_of(inboxes.c.user_id, texts("user_ids"))
    )
)

_Place = tuple[int, int]
"""A place in the history of an inbox: a revision and the sequence of a message."""

_END: _Place = (2**63, 0)
"""After the last item."""

_Source = tuple[Sequence[Item], _Place]
"""Items in order, and the place of the first item after them."""


class SqlInboxHistory:
    """Implements `tocsin_server.domain.ports.history.InboxHistory`."""

    def __init__(self, reader: Reader, epoch: int) -> None:
        self._reader = reader
        self._epoch = epoch

    @property
    def epoch(self) -> int:
        """The epoch of the store, a random number."""
        return self._epoch

    async def list_notifications(self, query: NotificationQuery) -> Page[Notification]:
        """Returns a page of an inbox's notifications, latest arrival first."""
        before = number_after(query.after, FRONT)

        def read(connection: Connection) -> Page[Notification]:
            inbox_id, inbox = inbox_rows.find(connection, query.key)
            if inbox_id is None:
                return Page(())
            return list_page(connection, inbox_id, inbox.counters, query, before)

        return await self._reader.run(read)

    async def read_head(self, key: InboxKey, limit: int) -> Head:
        """Returns the inbox, all its channels' counters and its newest notifications."""

        def read(connection: Connection) -> Head:
            inbox_id, inbox = inbox_rows.find(connection, key)
            if inbox_id is None:
                return Head(inbox, (), Page(()))
            query = NotificationQuery(key, limit)
            newest = list_page(connection, inbox_id, inbox.counters, query, FRONT)
            return Head(inbox, inbox_rows.channel_counters(connection, inbox_id), newest)

        return await self._reader.run(read)

    async def read_changes(self, key: InboxKey, after: Position, limit: int) -> Replay:
        """Returns the items whose last change is after a position, by (revision, sequence).

        The position of a page that is not the last one is the revision of its last item,
        or a place inside that revision if the next item has the same one.
        """
        return await self._reader.run(lambda c: _read_changes(c, key, after, limit))

    async def read_revisions(self, keys: Sequence[InboxKey]) -> Sequence[tuple[InboxKey, int, int]]:
        """Returns (key, incarnation, revision) of the inboxes that exist."""
        users: dict[str, list[str]] = {}
        for key in keys:
            users.setdefault(key.tenant, []).append(key.user_id)

        def read(connection: Connection) -> Sequence[tuple[InboxKey, int, int]]:
            return [
                (InboxKey(tenant, user_id), incarnation, revision)
                for tenant, user_ids in users.items()
                for user_id, incarnation, revision in _REVISIONS(
                    connection, {"tenant": tenant, "user_ids": pack(user_ids)}
                )
            ]

        return await self._reader.run(read)


def _read_changes(connection: Connection, key: InboxKey, after: Position, limit: int) -> Replay:
    inbox_id, inbox = inbox_rows.find(connection, key)
    if inbox_id is None:
        return Replay(inbox, (), Position(0), caught_up=True, channel_counters=())
    # Items of the next revision up to the position's sequence have been delivered.
    parameters = {
        "inbox_id": inbox_id,
        "revision": after.revision + 1,
        "sequence": after.sequence,
        "limit": limit + 1,
    }
    items, next_place = _merge(
        [
            _rows(_ARRIVED(connection, parameters), limit, notification),
            _rows(_CHANGED(connection, parameters), limit, notification_or_removal),
            _marks(_MARKS(connection, parameters), limit),
        ],
        limit,
    )
    if next_place == _END:
        counters = inbox_rows.channel_counters(connection, inbox_id)
        return Replay(
            inbox, items, Position(inbox.revision), caught_up=True, channel_counters=counters
        )
    revision, sequence = order_of(items[-1])
    position = Position(revision) if next_place[0] > revision else Position(revision - 1, sequence)
    return Replay(inbox, items, position, caught_up=False, channel_counters=())


def _rows(fetched: Sequence[Stored], limit: int, read: Callable[[Stored], Item]) -> _Source:
    """Returns the items of the rows of a `bounded` statement."""
    rows, next_row = split(fetched, limit)
    items = [read(row) for row in rows]
    if next_row is None:
        return items, _END
    if next_row is rows[-1]:  # a single large row: the row after it was not read
        revision, sequence = order_of(items[-1])
        return items, (revision, sequence + 1)
    return items, order_of(read(next_row))


def _marks(fetched: Sequence[Stored], limit: int) -> _Source:
    """Returns the marks of rows of the log."""
    log = [
        Mark(
            revision,
            None if channel_ids is None else loads(channel_ids),
            up_to_revision,
            None if read is None else bool(read),
            None if seen is None else bool(seen),
            mark_time,
        )
        for revision, channel_ids, up_to_revision, read, seen, mark_time in fetched
    ]
    return log[:limit], order_of(log[limit]) if len(log) > limit else _END


def _merge(sources: Sequence[_Source], limit: int) -> _Source:
    """Merges sources, up to the first item that a source has not returned, or to a full page."""
    sources = [source for source in sources if source[0]]
    if not sources:
        return (), _END
    if len(sources) == 1 and not isinstance(sources[0][0][0], Mark):
        return sources[0]  # it is a page already
    end = min(next_place for _, next_place in sources)
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
