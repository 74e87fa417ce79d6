"""Marking: changes the state of selected notifications.

A first statement counts the notifications to change, by channel. A second one
changes them by the same condition. So the counters follow from the rows. Both take
about as many steps as they change notifications, whatever else is in the inbox.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from json import dumps
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Subquery,
    bindparam,
    func,
    insert,
    null,
    or_,
    select,
    true,
    union_all,
    update,
)

from tocsin_server.domain.model import limits
from tocsin_server.domain.model.changes import Change, Item, Mark
from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Inbox
from tocsin_server.domain.model.marking import Effect, Marked, Marking, Selection
from tocsin_server.store import inbox_rows
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.idempotency import AnswerCodec, Facts
from tocsin_server.store.json_rows import is_one_of, pack, texts
from tocsin_server.store.pages import COPIES, STATE_COLUMNS, bounded, notification, split
from tocsin_server.store.read_states import BY_ARRIVAL, BY_CHANNEL, SQLITE_INDEXES
from tocsin_server.store.revisions import Difference, next_revisions
from tocsin_server.store.schema.tables import inbox_channels, marks, messages, notifications
from tocsin_server.store.writing.unit_of_work import WithChanges


class _Selected(Enum):
    """How notifications are selected; several channels are marked one by one."""

    MESSAGES = "messages"
    CHANNEL = "one channel"
    ALL = "all"

    @classmethod
    def by(cls, selection: Selection) -> "_Selected":
        """Returns the kind of a selection."""
        if selection.message_ids is not None:
            return cls.MESSAGES
        return cls.ALL if selection.channel_ids is None else cls.CHANNEL


class _Changed(NamedTuple):
    """Notifications that an effect changes: read or unread ones, of these the seen or the unseen.

    `seen` is None for both.
    """

    read: bool
    seen: bool | None = None


_CHANGED_BY: Mapping[Effect, Sequence[_Changed]] = {
    Effect.READ: [_Changed(read=False)],
    Effect.UNREAD: [_Changed(read=True)],
    Effect.SEEN: [_Changed(read=False, seen=False)],
    Effect.UNSEEN: [_Changed(read=True), _Changed(read=False, seen=True)],
    Effect.UNREAD_SEEN: [_Changed(read=True), _Changed(read=False, seen=False)],
}
"""For each effect, what it changes. What is read is seen, so a read one is never unseen."""

_now = bindparam("now", type_=BigInteger)
_seen = func.coalesce(notifications.c.seen_time, _now)
_STATES: Mapping[Effect, Mapping[str, Any]] = {
    Effect.READ: {"read_time": _now, "seen_time": _seen},
    Effect.UNREAD: {"read_time": null()},
    Effect.SEEN: {"seen_time": _now},
    Effect.UNSEEN: {"read_time": null(), "seen_time": null()},
    Effect.UNREAD_SEEN: {"read_time": null(), "seen_time": _seen},
}
"""For each effect, the values that it sets."""

_copies = notifications.alias()
_SEQUENCES = select(messages.c.sequence).where(
    messages.c.tenant == bindparam("tenant"), is_one_of(messages.c.message_id, texts("ids"))
)
_ARRIVALS = select(_copies.c.arrive_revision).where(
    is_one_of(_copies.c.sequence, _SEQUENCES), _copies.c.inbox_id == bindparam("inbox")
)


def _is_read(table: FromClause, changed: _Changed) -> ColumnElement[bool]:
    return table.c.read_time.is_not(None) if changed.read else table.c.read_time.is_(None)


def _is_seen(table: FromClause, changed: _Changed) -> ColumnElement[bool]:
    if changed.seen is None:
        return true()
    return table.c.seen_time.is_not(None) if changed.seen else table.c.seen_time.is_(None)


_COLUMNS = ("arrive_revision", "channel_id", "seen_time", "read_time")


def _by_messages(effect: Effect) -> Select[Any]:
    """Returns a query of the notifications of messages that an effect changes."""
    return select(*(notifications.c[name] for name in _COLUMNS)).where(
        notifications.c.inbox_id == bindparam("inbox"),
        # Not "remove_time IS NULL": the partial indexes with that condition have another order.
        func.coalesce(notifications.c.remove_time, 0) == 0,
        is_one_of(notifications.c.arrive_revision, _ARRIVALS),
        or_(
            *(
                _is_read(notifications, changed) & _is_seen(notifications, changed)
                for changed in _CHANGED_BY[effect]
            )
        ),
    )


def _by_state(changed: _Changed, selected: _Selected) -> Select[Any]:
    """Returns a query of the notifications of one read state that an effect changes.

    It ends when it has found as many as there can be. They are mostly among the latest,
    so it does not walk through all that were seen and never read.
    """
    by_channel = selected is _Selected.CHANNEL
    table, condition = (BY_CHANNEL if by_channel else BY_ARRIVAL)[changed.read]
    conditions = [condition, _is_seen(table, changed)]
    if by_channel:
        conditions.append(table.c.channel_id == bindparam("channel"))
    return (
        select(*(table.c[name] for name in _COLUMNS))
        .where(*conditions, table.c.arrive_revision <= bindparam("up_to_revision"))
        .order_by(table.c.arrive_revision.desc())
        .limit(bindparam("most"))
    )


def _to_change(effect: Effect, selected: _Selected) -> Subquery:
    """Returns the selected notifications that an effect changes."""
    if selected is _Selected.MESSAGES:
        return _by_messages(effect).subquery()
    queries = [_by_state(changed, selected) for changed in _CHANGED_BY[effect]]
    if len(queries) == 1:
        return queries[0].subquery()
    # SQLite takes no LIMIT inside a union, but one inside a subquery of it.
    return union_all(*(select(query.subquery()) for query in queries)).subquery()


def _counting(effect: Effect, selected: _Selected) -> Prepared:
    """Returns a statement that counts what to change by channel: all, unread and unseen."""
    rows = _to_change(effect, selected).c
    counts = (
        func.count(),
        func.count().filter(rows.read_time.is_(None)),
        func.count().filter(rows.seen_time.is_(None)),
    )
    return Prepared(select(rows.channel_id, *counts).group_by(rows.channel_id), SQLITE_INDEXES)


def _changing(effect: Effect, selected: _Selected) -> Prepared:
    """Returns a statement that changes them; those selected by ids also take the new revision."""
    changed = dict(_STATES[effect])
    if selected is _Selected.MESSAGES:
        changed["revision"] = bindparam("at", type_=BigInteger)
    return Prepared(
        update(notifications)
        .where(
            notifications.c.inbox_id == bindparam("inbox"),
            is_one_of(
                notifications.c.arrive_revision,
                select(_to_change(effect, selected).c.arrive_revision),
            ),
        )
        .values(changed),
        SQLITE_INDEXES,
    )


_KINDS = [(effect, selected) for effect in Effect for selected in _Selected]
_COUNT = {kind: _counting(*kind) for kind in _KINDS}
_CHANGE = {kind: _changing(*kind) for kind in _KINDS}

_COUNTERS = Prepared(
    select(
        inbox_channels.c.channel_id,
        inbox_channels.c.total_count,
        inbox_channels.c.unread_count,
        inbox_channels.c.unseen_count,
    ).where(
        inbox_channels.c.inbox_id == bindparam("inbox"),
        is_one_of(inbox_channels.c.channel_id, texts("ids")),
    )
)
"""The counters of the selected channels."""

_LOG = Prepared(
    insert(marks).values({column.name: bindparam(column.name) for column in marks.columns})
)
_OF_REVISION = bounded(
    select(*STATE_COLUMNS)
    .select_from(COPIES)
    .where(
        notifications.c.inbox_id == bindparam("inbox_id"),
        notifications.c.revision != notifications.c.arrive_revision,
        notifications.c.revision == bindparam("revision"),
    ),
    notifications.c.sequence,
)


def _to_facts(marked: Marked) -> Facts:
    return {"marked": marked}


def _from_facts(facts: Facts) -> Marked:
    revision, counters, updated_count = facts["marked"]
    return Marked(revision, Counters(*counters), updated_count)


MARKED = AnswerCodec(_to_facts, _from_facts)
"""The codec of the answer to a marking."""


def mark(
    connection: Connection, marking: Marking, now: int, is_watched: Callable[[InboxKey], bool]
) -> Marked | WithChanges[Marked]:
    """Applies a marking as one change of its inbox; changes nothing if no notification changes.

    Notifications selected by ids are read back for subscribers, only if the inbox `is_watched`.
    """
    inbox_id, inbox = inbox_rows.find(connection, marking.key, lock=True)
    if inbox_id is None:
        return Marked(0, inbox.counters, 0)
    parameters = _parameters(marking, inbox_id, inbox, now)
    counts = _change(connection, marking, inbox, parameters)
    if not counts:
        return Marked(inbox.revision, inbox.counters, 0)
    differences = [_difference(marking.effect, *row) for row in counts]
    counted = next_revisions(connection, {inbox_id: differences})[inbox_id]
    items: Sequence[Item] | None
    if marking.selection.message_ids is None:
        items = [_log(connection, marking, parameters)]
    elif is_watched(marking.key):
        items = _changed_at(connection, inbox_id, counted.revision)
    else:
        items = None
    change = Change(
        marking.key,
        inbox.incarnation,
        counted.revision,
        items,
        counted.counters,
        counted.channel_counters,
    )
    updated_count = sum(changed for _, changed, *_ in counts)
    return WithChanges(Marked(counted.revision, counted.counters, updated_count), [change])


def _change(
    connection: Connection, marking: Marking, inbox: Inbox, parameters: Mapping[str, Any]
) -> Sequence[Sequence[Any]]:
    """Changes the state of the selected notifications.

    Returns the counts of what was changed, by channel. Reads only the channels whose
    counters say that something can change.
    """
    kind = marking.effect, _Selected.by(marking.selection)
    most = most_changed(marking, inbox)
    if not most:
        return ()
    parts: Sequence[Mapping[str, Any]] = [{"most": most}]
    if kind[1] is _Selected.CHANNEL:
        of_channels = _COUNTERS(connection, parameters)
        parts = [
            {"channel": channel_id, "most": most}
            for channel_id, *counters in of_channels
            if (most := _most_changed(marking.effect, Counters(*counters)))
        ]
    counts: list[Sequence[Any]] = []
    for part in parts:
        if counted := _COUNT[kind](connection, {**parameters, **part}):
            counts += counted
            _CHANGE[kind](connection, {**parameters, **part})
    return counts


def most_changed(marking: Marking, inbox: Inbox) -> int:
    """Returns the most notifications that a marking may change; it reads no rows."""
    if marking.selection.message_ids is not None:
        return min(len(marking.selection.message_ids), inbox.counters.total)
    return _most_changed(marking.effect, inbox.counters)


def _most_changed(effect: Effect, counters: Counters) -> int:
    """Returns how many notifications an effect changes if all that have counted are selected."""
    most = 0
    for changed in _CHANGED_BY[effect]:
        if changed.read:
            most += counters.total - counters.unread
        elif changed.seen is None:
            most += counters.unread
        else:
            most += counters.unread - counters.unseen if changed.seen else counters.unseen
    return most


def _parameters(marking: Marking, inbox_id: int, inbox: Inbox, now: int) -> dict[str, Any]:
    """Returns the parameters of all statements; `at` is the next revision."""
    up_to, head = marking.selection.up_to_revision, inbox.revision
    ids = marking.selection.message_ids or marking.selection.channel_ids or ()
    return {
        "inbox": inbox_id,
        "tenant": marking.key.tenant,
        "ids": pack(ids),
        "up_to_revision": min(up_to, head) if up_to else head,
        "at": head + 1,
        "now": now,
    }


def _difference(
    effect: Effect, channel_id: str, count: int, unread: int, unseen: int
) -> Difference:
    """Returns by how much an effect changes the counters of a channel.

    It changes `count` notifications; before, `unread` of them are unread and `unseen` are unseen.
    """
    now_unread = {Effect.READ: 0, Effect.SEEN: unread}.get(effect, count)
    now_unseen = {Effect.UNREAD: unseen, Effect.UNSEEN: count}.get(effect, 0)
    return Difference(channel_id, Counters(0, now_unread - unread, now_unseen - unseen))


def _log(connection: Connection, marking: Marking, parameters: Mapping[str, Any]) -> Mark:
    """Appends the mark to the log, and returns it."""
    mark = Mark(
        parameters["at"],
        marking.selection.channel_ids,
        parameters["up_to_revision"],
        marking.read,
        marking.seen,
        parameters["now"],
    )
    row = mark._asdict() | {"inbox_id": parameters["inbox"]}
    for name in ("read", "seen"):
        row[name] = None if row[name] is None else int(row[name])
    if mark.channel_ids is not None:
        row["channel_ids"] = dumps(mark.channel_ids)
    _LOG(connection, row)
    return mark


def _changed_at(connection: Connection, inbox_id: int, revision: int) -> Sequence[Item] | None:
    """Returns the notifications that changed at a revision; None if they do not fit a response."""
    limit = limits.SELECTED_NOTIFICATIONS
    fetched = _OF_REVISION(
        connection, {"inbox_id": inbox_id, "revision": revision, "limit": limit + 1}
    )
    rows, next_row = split(fetched, limit)
    return [notification(row) for row in rows] if next_row is None else None
