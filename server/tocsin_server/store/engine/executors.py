"""Executors: run the transactions that write, one at a time each.

SQLite has one executor, a thread. A whole transaction takes one hop to the thread
and one back. PostgreSQL has a few executors, whose connections the event loop serves.
"""

from asyncio import Task, create_task, get_running_loop, to_thread
from collections.abc import Callable
from logging import getLogger
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

logger = getLogger(__name__)

T = TypeVar("T")

Work = Callable[[Connection], T]
Done = Callable[[T | Exception], None]
"""Receives the result of work, or the exception that it raised, on the event loop."""


class Executor(Protocol):
    """Runs work on a connection. Submit the next work only when the last is done."""

    def submit(self, work: Work[T], done: Done[T]) -> None:
        """Runs work; calls `done` with its result, or the exception of the work or of connecting."""

    async def close(self) -> None:
        """Waits for the running work, and releases the connection."""


async def run(executor: Executor, work: Work[T]) -> T:
    """Runs work on an idle executor, and returns its result or raises its exception."""
    future = get_running_loop().create_future()
    executor.submit(work, future.set_result)
    outcome: T | Exception = await future
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


class ThreadExecutor:
    """Runs work on a thread that has its own connection, which stays open."""

    def __init__(
        self, engine: Engine, maintain: Callable[[Connection], None] = lambda _: None
    ) -> None:
        """Takes what the thread does after each work, when its result is already on its way."""
        self._engine = engine
        self._maintain = maintain
        self._connection: Connection | None = None
        self._loop = get_running_loop()
        self._work: SimpleQueue[tuple[Work[Any], Done[Any]] | None] = SimpleQueue()
        self._thread = Thread(target=self._serve, name="tocsin-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work[T], done: Done[T]) -> None:
        """Runs work on the thread."""
        self._work.put((work, done))

    async def close(self) -> None:
        """Ends the thread, and waits for its end."""
        self._work.put(None)
        await to_thread(self._thread.join)

    def _serve(self) -> None:
        while (task := self._work.get()) is not None:
            work, done = task
            self._loop.call_soon_threadsafe(done, self._outcome(work))
            if self._connection is not None:
                self._run_maintenance(self._connection)
        if self._connection is not None:
            self._connection.close()

    def _run_maintenance(self, connection: Connection) -> None:
        try:
            self._maintain(connection)
        except Exception:  # the thread goes on to the next work
            logger.exception("the maintenance of the database failed")

    def _outcome(self, work: Work[T]) -> T | Exception:
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            return work(self._connection)
        except Exception as error:  # noqa: BLE001  # the submitter of the work gets it
            return error


class LoopExecutor:
    """Runs work on the event loop, each on a connection from a pool."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._task: Task[None] | None = None

    def submit(self, work: Work[T], done: Done[T]) -> None:
        """Runs work as a task."""
        self._task = create_task(self._run(work, done))

    async def close(self) -> None:
        """Waits for the running task."""
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
        # The result is valid even if the connection could not be returned to the pool.
        done(results[0] if results else cast("Exception", failure))
