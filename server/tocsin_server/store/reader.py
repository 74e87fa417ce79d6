"""The reader: runs units of work that only read, each on one snapshot of the database.

A read is a task of its own. When its caller is cancelled, the database ends the read's
statement, and the connection is free at once. The pool and SQLAlchemy never see the
cancellation: they would throw the connection away.
"""

from asyncio import (
    CancelledError,
    Semaphore,
    Task,
    create_task,
    current_task,
    gather,
    shield,
    wait,
)
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from tocsin_server.domain.model.errors import ServerStopping
from tocsin_server.store.engine.databases import READERS
from tocsin_server.store.engine.driver_errors import failure

T = TypeVar("T")

Interrupt = Callable[[Task[Any], Any], Awaitable[None]]
"""`Database.interrupt`."""

INTERRUPT_SECONDS = 0.01
"""After how long a read is interrupted again, if the last time came before its statement."""


class Reader:
    """Runs each unit of work in a transaction of its own, on one of a few connections."""

    def __init__(self, engine: AsyncEngine, interrupt: Interrupt) -> None:
        self._engine = engine
        self._interrupt = interrupt
        self._connections = Semaphore(READERS)
        self._waiting: set[Task[Any]] = set()
        """The reads that have no connection yet."""
        self._running: dict[Task[Any], Any] = {}
        """The reads whose transaction runs, each with the driver's own connection."""

    async def connect(self) -> None:
        """Opens every connection, so that no read can be cancelled while it opens one.

        A connection of aiosqlite whose opening is cancelled stays open until it is collected.
        """
        async with AsyncExitStack() as stack:
            for _ in range(READERS):
                await stack.enter_async_context(self._engine.connect())

    async def run(self, unit: Callable[[Connection], T]) -> T:
        """Runs a unit of work that only reads, and returns its result.

        Raises:
            StoreUnavailable: the database did not answer.
            ServerStopping: the reader was closed meanwhile.
        """
        read = create_task(self._read(unit))
        self._waiting.add(read)
        try:
            return await shield(read)
        except CancelledError:
            if read.cancelled():
                raise ServerStopping from None
            await shield(create_task(self._end(read)))
            raise
        except Exception as error:  # noqa: BLE001  # raised as an error of the domain
            raise failure(error) from None
        finally:
            if read.done():
                self._waiting.discard(read)

    async def _read(self, unit: Callable[[Connection], T]) -> T:
        read = cast("Task[T]", current_task())
        async with self._connections, self._engine.connect() as connection:
            self._waiting.discard(read)
            # Without a hop, because every read comes along here.
            open_connection = cast("Connection", connection.sync_connection)
            self._running[read] = open_connection.connection.driver_connection
            try:
                # Closing the connection ends the transaction; there is nothing to commit.
                await connection.begin()
                return await connection.run_sync(unit)
            finally:
                del self._running[read]

    async def _end(self, read: Task[Any]) -> None:
        """Ends a read, and waits until its connection is free; ignores its outcome."""
        while not read.done():
            if read in self._waiting:
                read.cancel()
            elif (driver := self._running.get(read)) is not None:
                await self._interrupt(read, driver)
            # A read that is about to give its connection back is not disturbed.
            await wait([read], timeout=INTERRUPT_SECONDS)
        self._waiting.discard(read)
        await gather(read, return_exceptions=True)

    async def close(self) -> None:
        """Stops taking units of work, and ends those that run."""
        idle = gather(*(self._connections.acquire() for _ in range(READERS)))
        await gather(*(self._end(read) for read in [*self._waiting, *self._running]))
        await idle
