"""The writer: the one thread that writes, and commits in groups.

Whatever waits is committed together, up to a number of rows that bounds how
long the others wait. While one group is committed the next one gathers, so
groups are as large as the load, and one fsync serves many callers. A group
takes one hop to the thread and one back, whatever its size. Callers who have
been answered tend to come back: the next group waits for them, about as long as
it takes to answer them and to read what they send next; a lone caller never
waits. (This is the thought behind PostgreSQL's commit_delay and
commit_siblings.)

A unit of work decides before it writes: when it raises an error of the domain,
the transaction is as it was, and the rest of the group goes on. When it raises
anything else, or the database refuses it, the group is rolled back and its
members run one by one, so that only the bad ones fail. When the database fails
as such, whatever it is asked, the whole group fails.

Changes are announced and callers woken after the commit. A caller that is gone
by then has no influence on what is written.
"""

from asyncio import Future, TimerHandle, get_running_loop, to_thread
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, RootTransaction
from sqlalchemy.exc import DBAPIError

from tocsin_server.domain.changes import Change
from tocsin_server.domain.errors import (
    ServerStopping,
    StorageFull,
    TocsinError,
    WritesOverloaded,
)
from tocsin_server.domain.messages import Send, Sent
from tocsin_server.domain.ports import Live
from tocsin_server.store.arrivals import Arrival
from tocsin_server.store.failures import (
    DATABASE_ERRORS,
    is_busy,
    is_of_the_database,
    translate,
)
from tocsin_server.store.probing import put_in, take_out
from tocsin_server.store.sending import send_all
from tocsin_server.store.units import Changed, Unit

T = TypeVar("T")

GROUP_ROWS = 1_500
"""About how many rows one transaction writes; a lone send may have its 1,000 copies."""

LOCKED_SECONDS = 5.0
"""How long a group waits for a lock that somebody else holds."""

END_SECONDS = 0.5
"""How long a writer that was closed goes on with what waits."""

LINGER_SECONDS_A_CALL = 0.0005
LINGER_SECONDS = 0.03
"""How long a group waits for each of those who were answered before it, and at most."""

WAITING_ROWS = 100_000
"""How many rows may wait to be written before callers are turned away."""


@dataclass(eq=False, slots=True)
class _Task:
    """A unit of work or a send that waits; `settle` takes its outcome, on the loop.

    `calls` is 1 for the first task of a call, and 0 for the others.
    """

    rows: int
    calls: int
    work: Send | Unit[Any]
    settle: Callable[[Any], None]


class _Committed(NamedTuple):
    outcomes: Sequence[tuple[_Task, Any]]
    changes: Sequence[Change]


class Writer:
    """Runs units of work, each in a transaction that is durable when they return."""

    def __init__(self, engine: Engine, live: Live, horizon: Callable[[], int]) -> None:
        """Takes an engine whose transactions begin with the write lock.

        `horizon` tells since when answers to requests count.
        """
        self._engine = engine
        self._connection: Connection | None = None
        self._live = live
        self._horizon = horizon
        self._waiting: deque[_Task] = deque()
        self._rows_waiting = 0
        self._busy = False
        """Whether a group is at the thread, or about to go there."""
        self._calls_waiting = 0
        self._calls_expected = 0
        """How many calls the next group waits for."""
        self._patience: TimerHandle | None = None
        self.full = False
        """Whether the last that was heard of the disk is that it is full."""
        self._closed = False
        self._closed_at = 0.0
        self._loop = get_running_loop()
        self._groups: SimpleQueue[Sequence[_Task]] = SimpleQueue()
        self._thread = Thread(target=self._serve, name="tocsin-writer", daemon=True)
        self._thread.start()

    async def run(self, unit: Unit[T]) -> T:
        """Commits a unit of work and returns what it returns, or raises what it raises."""
        future: Future[T] = self._loop.create_future()

        def settle(outcome: T | BaseException) -> None:
            if future.done():
                return
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self._submit([_Task(1, 1, unit, settle)])
        return await future

    async def send(self, sends: Sequence[Send]) -> Sequence[Sent | TocsinError]:
        """Commits sends in their order, each on its own, and returns their outcomes."""
        if not sends:
            return ()
        future: Future[None] = self._loop.create_future()
        outcomes: list[Sent | TocsinError] = []

        def settle(outcome: Sent | TocsinError) -> None:
            outcomes.append(outcome)
            if len(outcomes) == len(sends) and not future.done():
                future.set_result(None)

        self._submit([_Task(send.rows, int(n == 0), send, settle) for n, send in enumerate(sends)])
        await future
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, TocsinError):
                raise outcome
        return outcomes

    async def try_the_disk(self) -> bool:
        """Writes and deletes a megabyte, and returns whether there is room again."""
        try:
            await self.run(put_in)
            await self.run(take_out)
        except StorageFull:
            return False
        self.full = False
        return True

    async def close(self) -> None:
        """Takes no more work, and returns when what waits is committed, or refused.

        It was promised to nobody; so what half a second is too short for is
        refused, and is safe to ask for again.
        """
        self._closed_at = monotonic()
        self._closed = True
        self._expect(0)
        await to_thread(self._thread.join)

    def _submit(self, tasks: Sequence[_Task]) -> None:
        if self._closed:
            raise ServerStopping
        if self._rows_waiting > WAITING_ROWS:
            raise WritesOverloaded(limit=str(WAITING_ROWS))
        self._waiting.extend(tasks)
        self._rows_waiting += sum(task.rows for task in tasks)
        self._calls_waiting += 1
        self._dispatch_when_ready()

    def _expect(self, calls: int, seconds: float = 0.0) -> None:
        """Makes the next group wait for so many calls, but no longer than that."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._calls_expected = calls
        if calls > 1:
            self._patience = self._loop.call_later(seconds, self._expect, 0)
        self._dispatch_when_ready()

    def _dispatch_when_ready(self) -> None:
        enough = self._waiting and (
            self._calls_waiting >= self._calls_expected or self._rows_waiting >= GROUP_ROWS
        )
        ready = self._closed or enough
        if ready and not self._busy:
            # What else comes in this turn of the loop goes along.
            self._busy = True
            self._loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        """Hands the next group to the thread; an empty one ends it."""
        if self._is_at_its_end():
            while self._waiting:
                self._waiting.popleft().settle(ServerStopping())
        group: list[_Task] = []
        rows = 0
        while self._waiting:
            rows += self._waiting[0].rows
            if group and rows > GROUP_ROWS:
                break
            task = self._waiting.popleft()
            self._calls_waiting -= task.calls
            group.append(task)
        self._groups.put(group)

    def _settle(self, committed: _Committed) -> None:
        """Wakes the callers, prepares for the next group, and announces the changes."""
        answered = 0
        for task, outcome in committed.outcomes:
            self._rows_waiting -= task.rows
            answered += task.calls
            task.settle(outcome)
        self._busy = False
        if self._waiting and not self._waiting[0].calls:  # the rest of a call under way
            self._expect(0)
        else:
            expected = answered + self._calls_waiting
            self._expect(expected, min(expected * LINGER_SECONDS_A_CALL, LINGER_SECONDS))
        if committed.changes:
            self._live.announce(committed.changes)

    def _serve(self) -> None:
        """Commits group after group; runs on the writer's thread."""
        while group := self._groups.get():
            self._loop.call_soon_threadsafe(self._settle, self._commit(group))
        if self._connection is not None:
            self._connection.close()

    def _connected(self) -> Connection:
        """Returns the one connection that all groups share."""
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _commit(self, group: Sequence[_Task]) -> _Committed:
        """Commits a group, or each of its members that can be."""
        try:
            outcomes: list[tuple[_Task, Any]] = []
            told: list[Arrival | Change] = []
            connection = self._connected()
            with self._begin(connection):
                for part in _parts(group):
                    outcomes += self._work(connection, part, told)
        except Exception as error:  # noqa: BLE001  # whatever it is, only the caller may fail
            if len(group) > 1 and not is_of_the_database(error):
                alone = [self._commit([task]) for task in group]
                return _Committed(
                    [outcome for each in alone for outcome in each.outcomes],
                    [change for each in alone for change in each.changes],
                )
            failure = translate(error) if isinstance(error, DATABASE_ERRORS) else error
            self.full = self.full or isinstance(failure, StorageFull)
            return _Committed([(task, failure) for task in group], ())
        # Whoever watches from now on reads the store later than this commit.
        watches = self._live.watches
        changes = [
            each.change() if isinstance(each, Arrival) else each
            for each in told
            if watches(each.key)
        ]
        return _Committed(outcomes, changes)

    def _begin(self, connection: Connection) -> RootTransaction:
        """Begins a transaction, with the write lock, as soon as it is free."""
        begun = monotonic()
        while True:
            try:
                return connection.begin()
            except DBAPIError as error:
                late = monotonic() - begun > LOCKED_SECONDS or self._is_at_its_end()
                if late or not is_busy(error):
                    raise

    def _is_at_its_end(self) -> bool:
        """Whether what still waits is not to be waited for."""
        return self._closed and monotonic() - self._closed_at > END_SECONDS

    def _work(
        self, connection: Connection, part: Sequence[_Task], told: list[Arrival | Change]
    ) -> Iterator[tuple[_Task, Any]]:
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


def _parts(group: Sequence[_Task]) -> Iterator[Sequence[_Task]]:
    """Splits a group into runs of sends and runs of units of work, in order."""
    for _, part in groupby(group, key=lambda task: isinstance(task.work, Send)):
        yield list(part)
