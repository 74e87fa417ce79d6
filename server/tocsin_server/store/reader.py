"""The reader: runs units of work that only read, each on one snapshot of the database."""

from asyncio import Semaphore
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from tocsin_server.store.engine.databases import READERS
from tocsin_server.store.engine.driver_errors import failure

T = TypeVar("T")


class Reader:
    """Runs each unit of work in a transaction of its own, on one of a few connections."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connections = Semaphore(READERS)

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
        """
        try:
            async with self._connections, self._engine.connect() as connection:
                # Closing the connection ends the transaction; there is nothing to commit.
                await connection.begin()
                return await connection.run_sync(unit)
        except Exception as error:  # noqa: BLE001  # raised as an error of the domain
            raise failure(error) from None

    async def close(self) -> None:
        """Stops taking units of work, and waits for those that run."""
        for _ in range(READERS):
            await self._connections.acquire()
