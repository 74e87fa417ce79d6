"""Group commit: commits the tasks of a group in one transaction.

A task whose outcome is an error of the domain writes nothing, and the rest of the
group goes on. When a task raises another error, or the database refuses it, the
group is rolled back and its members run one by one, so that only the bad ones fail.
When the database itself fails, the whole group fails. A transaction that conflicts
with another one is repeated. A group whose wait for the lock of a row times out is
split as well; its members then wait only briefly.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from time import monotonic
from typing import Any, NamedTuple

from sqlalchemy import Connection, RootTransaction
from sqlalchemy.exc import DBAPIError

from tocsin_server.domain.model.changes import Change
from tocsin_server.domain.model.errors import StorageFull, TocsinError
from tocsin_server.domain.ports.live import Live
from tocsin_server.store.engine.driver_errors import (
    failure,
    is_busy,
    is_conflict,
    is_database_failure,
    is_locked,
)
from tocsin_server.store.engine.prepared import rows_written, run
from tocsin_server.store.writing.unit_of_work import Batch, PendingChange, UnitOfWork, WithChanges

LOCKED_SECONDS = 5.0
"""How long a group waits for a lock that another process holds."""

BRIEF_LOCK_TIMEOUT = "100ms"
"""How long a task waits for the lock of a row, after its group's wait timed out."""

ATTEMPTS = 5
"""How often a transaction that conflicts with others is tried."""


@dataclass(eq=False, slots=True)
class Task:
    """A unit of work or an item of a batch, to be committed.

    Attributes:
        rows: about how many rows it writes.
        begins_call: whether it is the first task of its call.
        work: the unit of work, or the item.
        batch: the batch that writes the item; None for a unit of work.
        settle: receives the outcome, on the event loop.
    """

    rows: int
    begins_call: bool
    work: UnitOfWork[Any] | Any
    batch: Batch[Any, Any] | None
    settle: Callable[[Any], None]

    @property
    def kind(self) -> str:
        """The kind of its batch, empty for a unit of work."""
        return "" if self.batch is None else self.batch.kind


class Committed(NamedTuple):
    """The outcomes of tasks, and the changes to announce."""

    outcomes: Sequence[tuple[Task, Any]]
    changes: Sequence[Change]


class Refused(Exception):
    """A unit of work raised an error of the domain after it may have written."""

    def __init__(self, error: TocsinError) -> None:
        super().__init__()
        self.error = error


class GroupCommitter:
    """Commits groups of tasks; every commit is durable when it returns."""

    def __init__(self, live: Live, is_stopping: Callable[[], bool]) -> None:
        """Takes the hub, and a function that returns whether to stop waiting for locks."""
        self._live = live
        self._is_stopping = is_stopping
        self.full = False
        """Whether the last write that reached the disk found it full."""

    def commit(
        self, connection: Connection, group: Sequence[Task], *, brief_locks: bool = False
    ) -> Committed:
        """Commits a group, or each of its members that can be committed.

        With `brief_locks` the transaction waits only briefly for the locks of rows.
        """
        try:
            outcomes, changes = self._attempt(connection, group, brief_locks=brief_locks)
        except Exception as error:  # noqa: BLE001  # only the callers of this group may fail
            locked = is_locked(error)
            if len(group) > 1 and (locked or not is_database_failure(error)):
                singly = [self.commit(connection, [task], brief_locks=locked) for task in group]
                return Committed(
                    [outcome for each in singly for outcome in each.outcomes],
                    [change for each in singly for change in each.changes],
                )
            return self.failed(group, error)
        # A watch that is registered from now on reads the store after this commit.
        is_watched = self._live.watches
        announced = [
            each if isinstance(each, Change) else each.change()
            for each in changes
            if is_watched(each.key)
        ]
        return Committed(outcomes, announced)

    def failed(self, group: Sequence[Task], error: Exception) -> Committed:
        """Returns the outcomes of a group that was not committed."""
        outcome = error.error if isinstance(error, Refused) else failure(error)
        self.full = self.full or isinstance(outcome, StorageFull)
        return Committed([(task, outcome) for task in group], ())

    def _attempt(
        self, connection: Connection, group: Sequence[Task], *, brief_locks: bool
    ) -> tuple[Sequence[tuple[Task, Any]], Sequence[Change | PendingChange]]:
        """Runs a group in a transaction; repeats it when it conflicts with other transactions."""
        for left in reversed(range(ATTEMPTS)):
            try:
                outcomes: list[tuple[Task, Any]] = []
                changes: list[Change | PendingChange] = []
                with self._begin(connection):
                    if brief_locks:
                        run(connection, f"SET LOCAL lock_timeout = '{BRIEF_LOCK_TIMEOUT}'")
                    for _, part in groupby(group, key=lambda task: task.kind):
                        outcomes += _run_part(connection, list(part), changes)
                return outcomes, changes
            except Exception as error:
                if not left or not is_conflict(error):
                    raise
        raise AssertionError  # the last attempt returns or raises

    def _begin(self, connection: Connection) -> RootTransaction:
        """Begins a transaction; waits for SQLite's write lock."""
        begun = monotonic()
        while True:
            try:
                return connection.begin()
            except DBAPIError as error:
                late = monotonic() - begun > LOCKED_SECONDS or self._is_stopping()
                if late or not is_busy(error):
                    raise


def _run_part(
    connection: Connection, part: Sequence[Task], changes: list[Change | PendingChange]
) -> Iterator[tuple[Task, Any]]:
    """Runs adjacent tasks of one kind, and yields their outcomes.

    Appends the changes to announce after the commit to `changes`.
    """
    batch = part[0].batch
    if batch is not None:
        result = batch.run(connection, [task.work for task in part])
        changes += result.changes
        yield from zip(part, result.outcomes, strict=True)
        return
    for task in part:
        outcome = _run_unit(connection, task.work)
        if isinstance(outcome, WithChanges):
            changes += outcome.changes
            outcome = outcome.outcome
        yield task, outcome


def _run_unit(connection: Connection, unit: UnitOfWork[Any]) -> object:
    """Runs a unit of work, and returns its outcome.

    Raises:
        Refused: it raised an error of the domain, and the transaction must not be committed:
            it wrote, or the database does not count what it wrote.
    """
    before = rows_written(connection)
    try:
        return unit(connection)
    except TocsinError as error:
        if before is None or rows_written(connection) != before:
            raise Refused(error) from error
        return error
