"""Pruning: deletes answers, marks and tombstones that are past their retention.

The history of an inbox is incomplete before a pruned mark or tombstone. So the
inbox's oldest revision is raised to it, and an earlier cursor gets a SNAPSHOT.
"""

from collections.abc import Mapping, Sequence

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
from tocsin_server.store.inbox_rows import lock
from tocsin_server.store.json_rows import entries, pack
from tocsin_server.store.schema.tables import idempotency, inboxes, marks, notifications
from tocsin_server.store.writing.writer import Writer

PRUNE_ROWS = 500
"""How many rows of each kind one transaction deletes; it takes a few milliseconds."""


def _oldest(
    table: Table,
    time: ColumnElement[int],
    key: Sequence[ColumnElement[int]],
    *more: ColumnElement[int],
) -> Prepared:
    """Returns a statement that deletes the oldest rows before a time, and returns their columns."""
    due = select(*key).where(time < bindparam("before")).order_by(time).limit(PRUNE_ROWS)
    return Prepared(delete(table).where(tuple_(*key).in_(due)).returning(*key, *more))


_ANSWERS = _oldest(idempotency, idempotency.c.create_time, [idempotency.c.number])
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


class SqlPruningStore:
    """Implements `tocsin_server.domain.ports.pruning.PruningStore`."""

    def __init__(self, writer: Writer, retention: Retention) -> None:
        self._writer = writer
        self._retention = retention

    async def prune(self, now: int) -> int:
        """Deletes some of the rows past their retention, and returns how many."""
        # Answers take a transaction of their own, because sends lock inboxes before answers.
        answers_before = {"before": self._retention.answers_since(now)}
        answers = await self._writer.run(lambda c: len(_ANSWERS(c, answers_before)), PRUNE_ROWS)
        history_before = {"before": self._retention.history_since(now)}
        history = await self._writer.run(
            lambda c: _prune_history(c, history_before), 2 * PRUNE_ROWS
        )
        return answers + history


def _prune_history(connection: Connection, before: Mapping[str, int]) -> int:
    """Deletes some marks and tombstones, and returns how many."""
    pruned = [*_MARKS(connection, before), *_TOMBSTONES(connection, before)]
    oldest: dict[int, int] = {}
    for inbox_id, *_, revision in pruned:
        oldest[inbox_id] = max(oldest.get(inbox_id, 0), revision)
    if oldest:
        lock(connection, oldest)
        _RAISE(connection, {"oldest": pack(oldest)})
    return len(pruned)
