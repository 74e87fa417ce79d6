"""Committing: a group of tasks in one transaction, or each of them that can be.

A unit of work decides before it writes: when it raises an error of the domain,
the transaction is as it was, and the rest of the group goes on. When it raises
anything else, or the database refuses it, the group is rolled back and its
members run one by one, so that only the bad ones fail. When the database fails
as such, whatever it is asked, the whole group fails. A transaction that only
came into another's way is begun again; one that waited in vain for somebody's
row is split, too, and then nobody waits for long.
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
from tocsin_server.domain.model.messages import Send
from tocsin_server.domain.ports.live import Live
from tocsin_server.store.engine.driver_errors import (
    failure,
    is_busy,
    is_conflict,
    is_locked,
    is_of_the_database,
)
from tocsin_server.store.engine.prepared import run
from tocsin_server.store.fan_out import Arrival
from tocsin_server.store.sending import send_all
from tocsin_server.store.writing.unit_of_work import Changed, Unit

LOCKED_SECONDS = 5.0
"""How long a group waits for a lock that somebody else holds."""

ALONE_LOCKED = "100ms"
"""How long one of a group waits for a row's lock, once the group has waited in vain."""

ATTEMPTS = 5
"""How often a transaction is begun that comes into others' way."""


@dataclass(eq=False, slots=True)
class Task:
    """A unit of work or a send that waits; `settle` takes its outcome, on the loop.

    `calls` is 1 for the first task of a call, and 0 for the others.
    """

    rows: int
    calls: int
    work: Send | Unit[Any]
    settle: Callable[[Any], None]


class Committed(NamedTuple):
    """What became of tasks, and the changes that are to be announced."""

    outcomes: Sequence[tuple[Task, Any]]
    changes: Sequence[Change]


class Committer:
    """Commits groups; every commit is durable when it returns."""

    def __init__(self, live: Live, horizon: Callable[[], int], hurry: Callable[[], bool]) -> None:
        """Takes since when answers to requests count, and whether locks are not waited for."""
        self._live = live
        self._horizon = horizon
        self._hurry = hurry
        self.full = False
        """Whether the last that was heard of the disk is that it is full."""

    def commit(
        self, connection: Connection, group: Sequence[Task], *, hurried: bool = False
    ) -> Committed:
        """Commits a group, or each of its members that can be.

        One that is `hurried` does not wait for the locks of rows.
        """
        try:
            outcomes, told = self._attempts(connection, group, hurried=hurried)
        except Exception as error:  # noqa: BLE001  # whatever it is, only the caller may fail
            locked = is_locked(error)
            if len(group) > 1 and (locked or not is_of_the_database(error)):
                alone = [self.commit(connection, [task], hurried=locked) for task in group]
                return Committed(
                    [outcome for each in alone for outcome in each.outcomes],
                    [change for each in alone for change in each.changes],
                )
            return self.failed(group, error)
        # Whoever watches from now on reads the store later than this commit.
        watches = self._live.watches
        changes = [
            each.change() if isinstance(each, Arrival) else each
            for each in told
            if watches(each.key)
        ]
        return Committed(outcomes, changes)

    def failed(self, group: Sequence[Task], error: Exception) -> Committed:
        """Returns the end of a group that failed as a whole."""
        told = failure(error)
        self.full = self.full or isinstance(told, StorageFull)
        return Committed([(task, told) for task in group], ())

    def _attempts(
        self, connection: Connection, group: Sequence[Task], *, hurried: bool
    ) -> tuple[Sequence[tuple[Task, Any]], Sequence[Arrival | Change]]:
        """Runs a group in a transaction, again when others were in its way."""
        for left in reversed(range(ATTEMPTS)):
            try:
                outcomes: list[tuple[Task, Any]] = []
                told: list[Arrival | Change] = []
                with self._begin(connection):
                    if hurried:
                        run(connection, f"SET LOCAL lock_timeout = '{ALONE_LOCKED}'")
                    for part in _parts(group):
                        outcomes += self._work(connection, part, told)
                return outcomes, told
            except Exception as error:
                if not left or not is_conflict(error):
                    raise
        raise AssertionError  # the last attempt returns or raises

    def _begin(self, connection: Connection) -> RootTransaction:
        """Begins a transaction, with the write lock, as soon as it is free."""
        begun = monotonic()
        while True:
            try:
                return connection.begin()
            except DBAPIError as error:
                late = monotonic() - begun > LOCKED_SECONDS or self._hurry()
                if late or not is_busy(error):
                    raise

    def _work(
        self, connection: Connection, part: Sequence[Task], told: list[Arrival | Change]
    ) -> Iterator[tuple[Task, Any]]:
        """Runs sends together or one unit of work, and gives the outcomes.

        What is to be told once they are committed is added to `told`.
        """
        sends = [task.work for task in part if isinstance(task.work, Send)]
        units = [task.work for task in part if not isinstance(task.work, Send)]
        if sends:
            done = send_all(connection, sends, self._horizon())
            told += done.arrivals
            yield from zip(part, done.outcomes, strict=True)
            return
        for task, unit in zip(part, units, strict=True):
            try:
                outcome = unit(connection)
            except TocsinError as error:
                outcome = error
            if isinstance(outcome, Changed):
                told += outcome.changes
                outcome = outcome.outcome
            yield task, outcome


def _parts(group: Sequence[Task]) -> Iterator[Sequence[Task]]:
    """Splits a group into runs of sends and runs of units of work, in order."""
    for _, part in groupby(group, key=lambda task: isinstance(task.work, Send)):
        yield list(part)
