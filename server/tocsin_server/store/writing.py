"""The writer: what waits to be written is committed in groups.

Whatever waits is committed together, up to a number of rows that bounds how
long the others wait. While one group is committed the next one gathers, so
groups are as large as the load, and one fsync serves many callers. Callers who
have been answered tend to come back: the next group waits for them, about as
long as it takes to answer them and to read what they send next; a lone caller
never waits. (This is the thought behind PostgreSQL's commit_delay and
commit_siblings.)

Changes are announced and callers woken after the commit. A caller that is gone
by then has no influence on what is written.
"""

from asyncio import Future, TimerHandle, get_running_loop
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import TypeVar

from tocsin_server.domain.errors import (
    ServerStopping,
    StorageFull,
    TocsinError,
    WritesOverloaded,
)
from tocsin_server.domain.messages import Send, Sent
from tocsin_server.domain.ports import Live
from tocsin_server.store.committing import Committed, Committer, Task
from tocsin_server.store.lanes import Lane
from tocsin_server.store.probing import put_in, take_out
from tocsin_server.store.units import Unit

T = TypeVar("T")

GROUP_ROWS = 1_500
"""About how many rows one transaction writes; a lone send may have its 1,000 copies."""

END_SECONDS = 0.5
"""How long a writer that was closed goes on with what waits."""

LINGER_SECONDS_A_CALL = 0.0005
LINGER_SECONDS = 0.03
"""How long a group waits for each of those who were answered before it, and at most."""

WAITING_ROWS = 100_000
"""How many rows may wait to be written before callers are turned away."""


class Writer:
    """Runs units of work, each in a transaction that is durable when they return."""

    def __init__(
        self, lanes: Sequence[Lane], live: Live, horizon: Callable[[], int], *, mixes: bool
    ) -> None:
        """Takes the lanes of a database, which are free, and whether its transactions mix.

        `horizon` tells since when answers to requests count.
        """
        self._lanes = lanes
        self._mixes = mixes
        self._free: list[Lane] = list(lanes)
        self._live = live
        self._committer = Committer(live, horizon, self._is_at_its_end)
        self._waiting: deque[Task] = deque()
        self._rows_waiting = 0
        self._going = False
        """Whether a group is about to go to a lane."""
        self._parted = False
        """Whether a group is on its way that has the beginning of the call that is next."""
        self._calls_waiting = 0
        self._calls_expected = 0
        """How many calls the next group waits for."""
        self._patience: TimerHandle | None = None
        self._closed = False
        self._closed_at = 0.0
        self._loop = get_running_loop()
        self._done: Future[None] = self._loop.create_future()

    @property
    def full(self) -> bool:
        """Whether the last that was heard of the disk is that it is full."""
        return self._committer.full

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

        self._submit([Task(1, 1, unit, settle)])
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

        self._submit([Task(send.rows, int(n == 0), send, settle) for n, send in enumerate(sends)])
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
        self._committer.full = False
        return True

    async def close(self) -> None:
        """Takes no more work, and returns when what waits is committed, or refused.

        It was promised to nobody; so what half a second is too short for is
        refused, and is safe to ask for again.
        """
        self._closed_at = monotonic()
        self._closed = True
        self._expect(0)
        await self._done

    def _submit(self, tasks: Sequence[Task]) -> None:
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
        if self._closed and not self._waiting and len(self._free) == len(self._lanes):
            if not self._done.done():
                self._done.set_result(None)
            return
        ready = self._waiting and (
            self._closed
            or self._calls_waiting >= self._calls_expected
            or self._rows_waiting >= GROUP_ROWS
        )
        if ready and self._free and not (self._going or self._parted):
            # What else comes in this turn of the loop goes along.
            self._going = True
            self._loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        """Hands the next group to a lane."""
        self._going = False
        if self._is_at_its_end():
            while self._waiting:
                self._waiting.popleft().settle(ServerStopping())
        group: list[Task] = []
        rows = 0
        while self._waiting:
            task = self._waiting[0]
            rows += task.rows
            if group and (rows > GROUP_ROWS or not self._may_join(task, group)):
                break
            group.append(self._waiting.popleft())
            self._calls_waiting -= task.calls
        if not group:
            self._dispatch_when_ready()
            return
        self._parted = bool(self._waiting) and not self._waiting[0].calls
        lane = self._free.pop()
        lane.submit(
            partial(self._committer.commit, group=group),
            partial(self._settle, lane, group, parted=self._parted),
        )
        self._dispatch_when_ready()

    def _may_join(self, task: Task, group: Sequence[Task]) -> bool:
        """Whether a task may share a transaction with those before it."""
        return self._mixes or (isinstance(task.work, Send) and isinstance(group[0].work, Send))

    def _settle(
        self, lane: Lane, group: Sequence[Task], outcome: Committed | Exception, *, parted: bool
    ) -> None:
        """Wakes the callers, prepares for the next group, and announces the changes."""
        if isinstance(outcome, Exception):  # it was never begun
            outcome = self._committer.failed(group, outcome)
        self._free.append(lane)
        if parted:
            self._parted = False
        answered = 0
        for task, of_task in outcome.outcomes:
            self._rows_waiting -= task.rows
            answered += task.calls
            task.settle(of_task)
        if self._waiting and not self._waiting[0].calls:  # the rest of a call under way
            self._expect(0)
        else:
            expected = answered + self._calls_waiting
            self._expect(expected, min(expected * LINGER_SECONDS_A_CALL, LINGER_SECONDS))
        if outcome.changes:
            self._live.announce(outcome.changes)

    def _is_at_its_end(self) -> bool:
        """Whether what still waits is not to be waited for."""
        return self._closed and monotonic() - self._closed_at > END_SECONDS
