"""Lanes: where transactions that write run, one at a time in each.

SQLite has one writer, which is a thread: a whole transaction is one hop there
and one back. PostgreSQL has a few connections, which the loop itself serves.
"""

from asyncio import Task, create_task, get_running_loop, to_thread
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")

Work = Callable[[Connection], T]
Done = Callable[[T | Exception], None]
"""Takes what came of work, on the loop."""


class Lane(Protocol):
    """Runs work on a connection; whoever gives it more before it is done has gone wrong."""

    def submit(self, work: Work[T], done: Done[T]) -> None:
        """Runs work, and hands over what it returned, or what it or connecting raised."""

    async def close(self) -> None:
        """Returns when the last of the work is done and the lane needs nothing any more."""


async def run(lane: Lane, work: Work[T]) -> T:
    """Runs work on a lane that is free, and returns what it returns, or raises that."""
    future = get_running_loop().create_future()
    lane.submit(work, future.set_result)
    outcome: T | Exception = await future
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


class ThreadLane:
    """A thread with a connection of its own, which stays open."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._loop = get_running_loop()
        self._work: SimpleQueue[tuple[Work[Any], Done[Any]] | None] = SimpleQueue()
        self._thread = Thread(target=self._serve, name="tocsin-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work[T], done: Done[T]) -> None:
        """Runs work on the thread."""
        self._work.put((work, done))

    async def close(self) -> None:
        """Returns when the thread has ended."""
        self._work.put(None)
        await to_thread(self._thread.join)

    def _serve(self) -> None:
        while (task := self._work.get()) is not None:
            work, done = task
            self._loop.call_soon_threadsafe(done, self._outcome(work))
        if self._connection is not None:
            self._connection.close()

    def _outcome(self, work: Work[T]) -> T | Exception:
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            return work(self._connection)
        except Exception as error:  # noqa: BLE001  # whoever waits for the work is told
            return error


class LoopLane:
    """A connection out of a pool, for each piece of work, served by the loop."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._task: Task[None] | None = None

    def submit(self, work: Work[T], done: Done[T]) -> None:
        """Runs work as a task."""
        self._task = create_task(self._run(work, done))

    async def close(self) -> None:
        """Returns when the task has ended."""
        if self._task is not None:
            await self._task

    async def _run(self, work: Work[T], done: Done[T]) -> None:
        ended: list[T] = []
        failure: Exception | None = None
        try:
            async with self._engine.connect() as connection:
                ended.append(await connection.run_sync(work))
        except Exception as error:  # noqa: BLE001  # whoever waits for the work is told
            failure = error
        # What came of it stands, also when its connection could not be put back.
        done(ended[0] if ended else cast("Exception", failure))
