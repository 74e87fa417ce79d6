"""The writer: commits units of work and batches durably before their callers go on.

If a transaction may mix units of work and batches, all of them wait in one queue.
Otherwise batches have a queue of their own, in which they gather, and executors of
their own, which units of work cannot block.

Callers are woken and changes are announced after the commit. A cancelled caller does
not cancel its write.
"""

from asyncio import Future, get_running_loop
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TypeVar

from tocsin_server.domain.model.errors import TocsinError
from tocsin_server.domain.ports.live import Live
from tocsin_server.store.engine.executors import Executor
from tocsin_server.store.writing.group_commit import GroupCommitter, Task
from tocsin_server.store.writing.unit_of_work import Batch, UnitOfWork
from tocsin_server.store.writing.write_queue import GROUP_ROWS, WriteQueue

I = TypeVar("I")  # noqa: E741  # an item
T = TypeVar("T")

BATCH_EXECUTORS = 2
"""How many executors run only batches, if transactions do not mix."""

END_SECONDS = 0.5
"""How long a closed writer goes on with waiting tasks."""


class Writer:
    """Runs units of work and batches; their transactions are durable when the calls return."""

    def __init__(self, executors: Sequence[Executor], live: Live, *, mixes: bool) -> None:
        """Takes the idle executors of a database, and whether its transactions mix."""
        self._closed_at: float | None = None
        self._committer = GroupCommitter(live, self._is_stopping)
        if mixes:
            self._units = self._batches = self._queue(executors, live, gathers=True)
        else:
            self._batches = self._queue(executors[:BATCH_EXECUTORS], live, gathers=True)
            self._units = self._queue(executors[BATCH_EXECUTORS:], live, gathers=False)
        self._loop = get_running_loop()

    @property
    def full(self) -> bool:
        """Whether the last write that reached the disk found it full."""
        return self._committer.full

    def note_room(self) -> None:
        """Records that a write found room on the disk again."""
        self._committer.full = False

    async def run(self, unit: UnitOfWork[T], rows: int) -> T:
        """Commits a unit of work and returns its outcome, or raises its error.

        `rows` is about how many rows it writes, which bounds the size of its transaction.
        """
        future: Future[T] = self._loop.create_future()

        def settle(outcome: T | BaseException) -> None:
            if future.done():
                return
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        # A unit that fills a group has a transaction of its own, however many rows it writes.
        weight = min(rows, GROUP_ROWS)
        self._units.submit([Task(weight, True, unit, None, settle)])  # noqa: FBT003  # begins its call
        return await future

    async def run_batch(
        self, batch: Batch[I, T], items: Sequence[I], rows_of: Callable[[I], int]
    ) -> Sequence[T | TocsinError]:
        """Commits items in their order, each on its own, and returns their outcomes.

        `rows_of` returns about how many rows an item writes.
        """
        if not items:
            return ()
        future: Future[None] = self._loop.create_future()
        outcomes: list[T | TocsinError] = []

        def settle(outcome: T | TocsinError) -> None:
            outcomes.append(outcome)
            if len(outcomes) == len(items) and not future.done():
                future.set_result(None)

        self._batches.submit(
            [Task(rows_of(item), n == 0, item, batch, settle) for n, item in enumerate(items)]
        )
        await future
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, TocsinError):
                raise outcome
        return outcomes

    async def close(self) -> None:
        """Stops taking work, and waits until the waiting tasks are committed or refused.

        Tasks that are not begun within half a second are refused. Nothing of them is
        written, so their callers may safely try again.
        """
        if self._closed_at is None:
            self._closed_at = monotonic()
        for queue in (self._batches, self._units):
            queue.close()
        for queue in (self._batches, self._units):
            await queue.done

    def _queue(self, executors: Sequence[Executor], live: Live, *, gathers: bool) -> WriteQueue:
        return WriteQueue(executors, self._committer, live, self._is_stopping, gathers=gathers)

    def _is_stopping(self) -> bool:
        """Whether the time for waiting tasks is over."""
        return self._closed_at is not None and monotonic() - self._closed_at > END_SECONDS
