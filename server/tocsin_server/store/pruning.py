"""Pruning: answers, marks and tombstones that are past their retention.

Whoever had a cursor from before a mark or a removal that is pruned cannot be
told of it any more: the inbox's oldest revision rises, and such a cursor gets a
SNAPSHOT.
"""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Table,
    bindparam,
    cast,
    delete,
    select,
    tuple_,
    update,
)

from tocsin_server.domain.model.retention import Retention
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.inboxes import lock
from tocsin_server.store.json_rows import entries, pack
from tocsin_server.store.schema.tables import inboxes, marks, notifications, requests

PRUNE_ROWS = 500
"""How many rows of each kind one transaction prunes: a few milliseconds."""


def _oldest(
    table: Table,
    time: ColumnElement[int],
    key: Sequence[ColumnElement[int]],
    *more: ColumnElement[int],
) -> Prepared:
    """Deletes rows from before a time, oldest first, and returns their keys and more of them."""
    due = select(*key).where(time < bindparam("before")).order_by(time).limit(PRUNE_ROWS)
    return Prepared(delete(table).where(tuple_(*key).in_(due)).returning(*key, *more))


_ANSWERS = _oldest(requests, requests.c.create_time, [requests.c.number])
_MARKS = _oldest(marks, marks.c.mark_time, [marks.c.inbox_id, marks.c.revision])
_TOMBSTONES = _oldest(
    notifications,
    notifications.c.remove_time,
    [notifications.c.inbox_id, notifications.c.arrive_revision],
    notifications.c.revision,
)
_inbox, _to = entries("oldest", BigInteger())
_RAISE = Prepared(
    update(inboxes)
    .where(inboxes.c.inbox_id == cast(_inbox, BigInteger), inboxes.c.oldest_revision < _to)
    .values(oldest_revision=_to)
)


def prune_answers(connection: Connection, retention: Retention, now: int) -> int:
    """Prunes some of the answers that are due, and returns how many rows it were.

    In a transaction of its own: a send locks inboxes first, and answers last.
    """
    return len(_ANSWERS(connection, {"before": retention.answers_since(now)}))


def prune_history(connection: Connection, retention: Retention, now: int) -> int:
    """Prunes some of the history that is due, and returns how many rows it were."""
    before = {"before": retention.history_since(now)}
    told = [*_MARKS(connection, before), *_TOMBSTONES(connection, before)]
    oldest: dict[int, int] = {}
    for inbox_id, *_, revision in told:
        oldest[inbox_id] = max(oldest.get(inbox_id, 0), revision)
    if oldest:
        lock(connection, oldest)
        _RAISE(connection, {"oldest": pack(oldest)})
    return len(told)
