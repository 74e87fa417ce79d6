"""Executors: they run the transactions that write, one at a time each.

SQLite has one writer, which is a thread: a whole transaction is one hop to the
thread and one back. PostgreSQL has a few connections, which the event loop serves.
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
"""Takes the result of work, or the exception that ended it, on the event loop."""


class Executor(Protocol):
    """Runs work on a connection. It takes the next work only after the last is done."""

    def submit(self, work: Work[T], done: Done[T]) -> None:
        """Runs work; `done` gets its result, or the exception of the work or of connecting."""

    async def close(self) -> None:
        """Waits for the work that runs, and releases what the executor holds."""


async def run(executor: Executor, work: Work[T]) -> T:
    """Runs work on a free executor, and returns its result or raises its exception."""
    future = get_running_loop().create_future()
    executor.submit(work, future.set_result)
    outcome: T | Exception = await future
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


class ThreadExecutor:
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
        except Exception as error:  # noqa: BLE001  # the submitter of the work gets it
            return error


class LoopExecutor:
    """A connection from a pool for each piece of work, served by the event loop."""

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
        results: list[T] = []
        failure: Exception | None = None
        try:
            async with self._engine.connect() as connection:
                results.append(await connection.run_sync(work))
        except Exception as error:  # noqa: BLE001  # the submitter of the work gets it
            failure = error
        # A result stands, also when its connection could not be returned to the pool.
        done(results[0] if results else cast("Exception", failure))
