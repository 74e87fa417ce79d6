"""Marking: a change of state, of some notifications or of all that a selector fits.

What is to change is counted first, channel by channel, and changed second, by
the same condition: so the counters follow from the rows.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from json import dumps
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from tocsin_server.domain.model import limits
from tocsin_server.domain.model.changes import Change, Item, Mark
from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Inbox
from tocsin_server.domain.model.marking import Effect, Marked, Marking, Selection
from tocsin_server.store import idempotency, inboxes
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.json_rows import is_among, is_one_of, pack, texts
from tocsin_server.store.pages import COPIES, STATE_COLUMNS, cut, fitting, notification
from tocsin_server.store.revisions import Difference, count
from tocsin_server.store.schema.tables import marks, messages, notifications
from tocsin_server.store.writing.unit_of_work import Changed


class _Selected(Enum):
    """By what notifications are selected."""

    MESSAGES = "messages"
    CHANNELS = "channels"
    ALL = "all"

    @classmethod
    def by(cls, selection: Selection) -> "_Selected":
        """Returns by what a selection selects."""
        if selection.message_ids is not None:
            return cls.MESSAGES
        return cls.ALL if selection.channel_ids is None else cls.CHANNELS


_UNREAD = notifications.c.read_time.is_(None)
_UNSEEN = notifications.c.seen_time.is_(None)

_TO_CHANGE: Mapping[Effect, ColumnElement[bool]] = {
    Effect.READ: _UNREAD,
    Effect.UNREAD: ~_UNREAD,
    # What is unseen is unread: with this said, the index of the unread serves.
    Effect.SEEN: _UNREAD & _UNSEEN,
    Effect.UNSEEN: ~_UNSEEN,
    Effect.UNREAD_SEEN: or_(~_UNREAD, _UNSEEN),
}
"""Which notifications an effect is not true of yet."""

_now = bindparam("now", type_=BigInteger)
_seen = func.coalesce(notifications.c.seen_time, _now)
_STATES: Mapping[Effect, Mapping[str, Any]] = {
    Effect.READ: {"read_time": _now, "seen_time": _seen},
    Effect.UNREAD: {"read_time": null()},
    Effect.SEEN: {"seen_time": _now},
    Effect.UNSEEN: {"read_time": null(), "seen_time": null()},
    Effect.UNREAD_SEEN: {"read_time": null(), "seen_time": _seen},
}
"""What an effect makes of them."""

_UP_TO = notifications.c.arrive_revision <= bindparam("up_to_revision")
_copies = notifications.alias()
_SEQUENCES = select(messages.c.sequence).where(
    messages.c.tenant == bindparam("tenant"), is_one_of(messages.c.message_id, texts("ids"))
)
_ARRIVALS = select(_copies.c.arrive_revision).where(
    is_one_of(_copies.c.sequence, _SEQUENCES), _copies.c.inbox_id == bindparam("inbox")
)
_NARROWED: Mapping[_Selected, Sequence[ColumnElement[bool]]] = {
    _Selected.MESSAGES: (is_one_of(notifications.c.arrive_revision, _ARRIVALS),),
    _Selected.CHANNELS: (is_among(notifications.c.channel_id, texts("ids")), _UP_TO),
    _Selected.ALL: (_UP_TO,),
}


def _to_change(effect: Effect, selected: _Selected, *columns: ColumnElement[Any]) -> Select[Any]:
    """Returns a query of columns of what is to change."""
    return select(*columns).where(
        notifications.c.inbox_id == bindparam("inbox"),
        notifications.c.remove_time.is_(None),
        _TO_CHANGE[effect],
        *_NARROWED[selected],
    )


def _index(effect: Effect, selected: _Selected) -> str | None:
    """Returns the index that has all that is to change, and little else."""
    few = effect in (Effect.READ, Effect.SEEN) and selected is not _Selected.MESSAGES
    return "ix_notifications_unread" if few else None


def _counting(effect: Effect, selected: _Selected) -> Prepared:
    """Counts, by channel, what is to change, and how much of it is unread and unseen."""
    channel_id = notifications.c.channel_id
    counts = (func.count(), func.count().filter(_UNREAD), func.count().filter(_UNSEEN))
    return Prepared(
        _to_change(effect, selected, channel_id, *counts).group_by(channel_id),
        _index(effect, selected),
    )


def _changing(effect: Effect, selected: _Selected) -> Prepared:
    """Changes them; those that are selected one by one take the revision, too."""
    changed = dict(_STATES[effect])
    if selected is _Selected.MESSAGES:
        changed["revision"] = bindparam("at", type_=BigInteger)
    return Prepared(
        update(notifications)
        .where(
            notifications.c.inbox_id == bindparam("inbox"),
            is_one_of(
                notifications.c.arrive_revision,
                _to_change(effect, selected, notifications.c.arrive_revision).correlate(None),
            ),
        )
        .values(changed),
        _index(effect, selected),
    )


_KINDS = [(effect, selected) for effect in Effect for selected in _Selected]
_COUNT = {kind: _counting(*kind) for kind in _KINDS}
_CHANGE = {kind: _changing(*kind) for kind in _KINDS}

_LOG = Prepared(
    insert(marks).values({column.name: bindparam(column.name) for column in marks.columns})
)
_OF_REVISION = fitting(
    select(*STATE_COLUMNS)
    .select_from(COPIES)
    .where(
        notifications.c.inbox_id == bindparam("inbox_id"),
        notifications.c.revision != notifications.c.arrive_revision,
        notifications.c.revision == bindparam("revision"),
    ),
    notifications.c.sequence,
)


def mark(
    connection: Connection,
    marking: Marking,
    now: int,
    horizon: int,
    watches: Callable[[InboxKey], bool],
) -> Marked | Changed[Marked]:
    """Commits a marking as one change of its inbox, or as none when nothing changes.

    Answers since `horizon` count; who is watched is told what changed.

    Raises:
        RequestIdReused: the request id stands for another request.
    """
    if earlier := idempotency.find(connection, [marking.request], horizon).get(
        marking.request.name
    ):
        revision, counters, updated_count = earlier.to(marking.request)["marked"]
        return Marked(revision, Counters(*counters), updated_count)
    inbox_id, inbox = inboxes.find(connection, marking.key, lock=True)
    if inbox_id is None:
        return _answered(connection, marking, Marked(0, inbox.counters, 0), now, horizon)
    parameters = _parameters(marking, inbox_id, inbox, now)
    kind = marking.effect, _Selected.by(marking.selection)
    found = _COUNT[kind](connection, parameters) if _may_change(marking.effect, inbox) else ()
    if not found:
        unchanged = Marked(inbox.revision, inbox.counters, 0)
        return _answered(connection, marking, unchanged, now, horizon)
    _CHANGE[kind](connection, parameters)
    differences = [_difference(marking.effect, *row) for row in found]
    counted = count(connection, {inbox_id: differences})[inbox_id]
    items: Sequence[Item] | None
    if marking.selection.message_ids is None:
        items = [_log(connection, marking, parameters)]
    else:
        items = _told(connection, inbox_id, counted.revision) if watches(marking.key) else None
    change = Change(
        marking.key,
        inbox.incarnation,
        counted.revision,
        items,
        counted.counters,
        counted.channel_counters,
    )
    marked = Marked(counted.revision, counted.counters, sum(changed for _, changed, *_ in found))
    return Changed(_answered(connection, marking, marked, now, horizon), [change])


def _may_change(effect: Effect, inbox: Inbox) -> bool:
    """Tells whether the counters leave anything to change, without looking at the rows."""
    if effect is Effect.READ:
        return inbox.counters.unread > 0
    if effect is Effect.SEEN:
        return inbox.counters.unseen > 0
    return inbox.counters.total > 0


def _parameters(marking: Marking, inbox_id: int, inbox: Inbox, now: int) -> dict[str, Any]:
    """Returns the parameters of the statements; the revision is the one to be taken."""
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
    """Returns by how much an effect on so many, some unread and unseen, changes the counters."""
    now_unread = {Effect.READ: 0, Effect.SEEN: unread}.get(effect, count)
    now_unseen = {Effect.UNREAD: unseen, Effect.UNSEEN: count}.get(effect, 0)
    return Difference(channel_id, Counters(0, now_unread - unread, now_unseen - unseen))


def _log(connection: Connection, marking: Marking, parameters: Mapping[str, Any]) -> Mark:
    """Writes the mark into the log, and returns it."""
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


def _told(connection: Connection, inbox_id: int, revision: int) -> Sequence[Item] | None:
    """Returns what changed alone at a revision, or None when it is too much to be told."""
    limit = limits.SELECTED_NOTIFICATIONS
    found = _OF_REVISION(
        connection, {"inbox_id": inbox_id, "revision": revision, "limit": limit + 1}
    )
    rows, behind = cut(found, limit)
    return [notification(row) for row in rows] if behind is None else None


def _answered(
    connection: Connection, marking: Marking, marked: Marked, now: int, horizon: int
) -> Marked:
    """Keeps an answer, and returns it."""
    idempotency.keep(connection, [(marking.request, {"marked": marked})], now, horizon)
    return marked
