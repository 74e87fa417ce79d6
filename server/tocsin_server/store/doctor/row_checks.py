"""Checks of single rows: the faults that a row can have, as conditions and as queries of keys."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, not_, or_, select

from tocsin_server.store.doctor.findings import Kind
from tocsin_server.store.schema.tables import inboxes, marks, messages, notifications

SOME_ROWS = 500
"""How many rows with one kind of fault one transaction repairs: it takes some milliseconds."""

_n, _m, _k = notifications.c, messages.c, marks.c

CHECKED_ROWS = notifications.join(inboxes, inboxes.c.inbox_id == _n.inbox_id).outerjoin(
    messages, _m.sequence == _n.sequence
)
_not_removed = _n.remove_time.is_(None)
_changed = _n.revision != _n.arrive_revision

VALID = and_(_not_removed, _m.tenant == inboxes.c.tenant)
"""A notification that its user may see. After a repair, every one that is not removed is valid."""

UNREAD = and_(VALID, _n.read_time.is_(None))
UNSEEN = and_(UNREAD, _n.seen_time.is_(None))

WRONG_NOTIFICATIONS: Mapping[Kind, tuple[ColumnElement[bool], str]] = {
    Kind.NO_MESSAGE: (
        and_(_not_removed, _m.sequence.is_(None)),
        "notifications of messages that are gone",
    ),
    Kind.TENANT: (
        and_(_not_removed, _m.tenant != inboxes.c.tenant),
        "notifications of another tenant's messages",
    ),
    Kind.CHANNEL: (
        and_(VALID, _n.channel_id != _m.channel_id),
        "notifications in another channel than their message",
    ),
    Kind.STATE: (
        and_(VALID, _n.read_time.is_not(None), _n.seen_time.is_(None)),
        "notifications read and not seen",
    ),
    Kind.REVISION: (
        _n.revision < _n.arrive_revision,
        "notifications with a revision before their arrival",
    ),
    Kind.TOMBSTONE: (
        and_(not_(_not_removed), or_(_n.message_id.is_(None), not_(_changed))),
        "tombstones without a message id or a revision of their own",
    ),
}
"""For each kind of fault, its condition and a description of the rows."""

_arrival = notifications.alias("arrival")
_CHANGED_AT_AN_ARRIVAL = (
    select(_n.inbox_id, _n.arrive_revision)
    .join(
        _arrival,
        and_(_arrival.c.inbox_id == _n.inbox_id, _arrival.c.arrive_revision == _n.revision),
    )
    .where(_changed)
)


def _has_notification(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(_n.inbox_id).where(_n.inbox_id == _k.inbox_id, *conditions).exists()


_MARKED_AT_A_CHANGE = select(_k.inbox_id, _k.revision).where(
    or_(
        _has_notification(_n.arrive_revision == _k.revision),
        _has_notification(_n.revision == _k.revision, _changed),
    )
)
_MARKED_NOTHING = select(_k.inbox_id, _k.revision).where(
    or_(_k.up_to_revision >= _k.revision, and_(_k.read.is_(None), _k.seen.is_(None)))
)

WRONG_REVISIONS: Sequence[tuple[Kind, Select[Any], str]] = (
    (Kind.REVISION_TWICE, _CHANGED_AT_AN_ARRIVAL, "changes at the revision of an arrival"),
    (Kind.REVISION_TWICE, _MARKED_AT_A_CHANGE, "marks at the revision of another change"),
    (Kind.MARK, _MARKED_NOTHING, "marks without an effect, or of later arrivals"),
)
"""Faults between rows: the kind, a query of the keys, and a description of the rows."""


class WrongRows(NamedTuple):
    """Keys of faulty rows of an inbox.

    Attributes:
        notifications: arrive revisions of notifications, by kind of fault.
        marks: revisions of marks.
    """

    notifications: Mapping[Kind, Sequence[int]]
    marks: Sequence[int]


def wrong_rows(connection: Connection, inbox_id: int) -> WrongRows:
    """Returns the keys of faulty rows of an inbox, up to `SOME_ROWS` of each fault."""

    def keys(query: Select[Any]) -> Sequence[int]:
        inbox, _ = query.selected_columns
        rows = connection.execute(query.where(inbox == inbox_id).limit(SOME_ROWS))
        return [key for _, key in rows]

    arrivals = select(_n.inbox_id, _n.arrive_revision).select_from(CHECKED_ROWS)
    wrong = {
        kind: keys(arrivals.where(condition))
        for kind, (condition, _) in WRONG_NOTIFICATIONS.items()
    }
    wrong[Kind.REVISION_TWICE] = keys(_CHANGED_AT_AN_ARRIVAL)
    return WrongRows(wrong, [*keys(_MARKED_AT_A_CHANGE), *keys(_MARKED_NOTHING)])
