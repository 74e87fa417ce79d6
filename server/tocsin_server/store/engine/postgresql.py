"""PostgreSQL through asyncpg: a pool of connections that write, and one of connections that read."""

import re
from asyncio import Task, timeout
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import asyncpg
from sqlalchemy import URL, Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from tocsin_server.store.engine.databases import READERS, SERVER
from tocsin_server.store.engine.driver_errors import CannotOpen, Pooled, Replaced
from tocsin_server.store.engine.executors import Executor, LoopExecutor
from tocsin_server.store.engine.prepared import run

WRITERS = 4

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 60.0
"""How long a server waits for the result of a statement."""

ROLLBACK_SECONDS = 5.0
"""How long it waits for the rollback of a failed transaction; then it cuts the connection."""

_PORTS = 65_535

_KNOWN_PARAMETERS = {"host", "port", "ssl"}

_OFFLINE = {
    "application_name": "tocsin offline",
    # A statement that waits longer for a lock fails.
    "lock_timeout": "5s",
    # A server that stops in the middle of a transaction must not keep its locks.
    "idle_in_transaction_session_timeout": "30s",
}
_SERVING = _OFFLINE | {
    "application_name": SERVER,
    # Every statement reads through an index, in its order, even if a new table has no statistics
    # yet. Joins keep the order in which they are written. A statement has one plan.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "enable_sort": "off",
    "join_collapse_limit": "1",
    "max_parallel_workers_per_gather": "0",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}
_PROMISED = (
    "application_name",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "idle_in_transaction_session_timeout",
    "synchronous_commit",
)
"""The settings that guarantees depend on. At least one differs from every default."""

_WRITING = {
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
}
_READING = {
    "default_transaction_isolation": "repeatable read",
    "default_transaction_read_only": "on",
}


class Postgresql:
    """Implements `Database` for PostgreSQL."""

    mixes = False
    """Sends lock inboxes in one order. Other work in the same transaction could break that order."""

    executors: Sequence[Executor]

    def __init__(self, url: URL, *, offline: bool = False) -> None:
        """Takes the URL of a database, which was checked.

        With `offline`, the connections have another application name than a server's, and
        PostgreSQL chooses the plans itself: a scan of the whole store needs other ones.
        """
        self._epoch: str | None = None
        own = _OFFLINE if offline else _SERVING
        seconds = None if offline else COMMAND_SECONDS
        self.name = url.render_as_string(hide_password=True)
        self._writers = _engine(url, WRITERS, own | _WRITING, seconds)
        self.readers = _engine(url, READERS, own | _READING, seconds)
        for engine in (self._writers, self.readers):
            event.listen(engine.sync_engine, "connect", self._recognize)
        self.executors = [LoopExecutor(self._writers) for _ in range(WRITERS)]

    @staticmethod
    def check(url: URL) -> None:
        """Checks the URL of a database.

        Raises:
            CannotOpen: the URL names no database, or has an unknown or wrong part.
        """
        if not url.database:
            raise CannotOpen(
                "the database URL names no database: postgresql+asyncpg://USER@HOST/DATABASE"
            )
        if unknown := url.query.keys() - _KNOWN_PARAMETERS:
            raise CannotOpen(
                f"the database URL has the parameter {min(unknown)};"
                f" known are {', '.join(sorted(_KNOWN_PARAMETERS))}"
            )
        for name, value in url.query.items():
            if not isinstance(value, str):
                raise CannotOpen(f"the database URL has the parameter {name} more than once")
        port = str(url.query.get("port", url.port or 1))
        if not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= _PORTS:
            raise CannotOpen("the database URL has a port that is not between 1 and 65535")
        if "@" in (url.host or ""):
            raise CannotOpen("the database URL has an @ in its password: write it as %40")

    def reserve(self) -> None:
        """Does nothing: servers share a PostgreSQL database."""

    def guard(self, epoch: int) -> None:
        """Makes later connections fail if the store is no longer in this epoch.

        An operator who restores an older state begins a new epoch, and may do so
        while this server's connections are cut.
        """
        self._epoch = str(epoch)

    async def interrupt(self, read: Task[Any], _connection: Any) -> None:  # noqa: ANN401  # asyncpg's
        """Cancels a read: asyncpg asks the database to cancel the statement that it runs."""
        read.cancel()

    def _recognize(self, connection: DBAPIConnection, _record: object) -> None:
        """Raises Replaced if the store has begun a new epoch since the server started."""
        if self._epoch is not None and cast("Any", connection).run_async(_epoch) != self._epoch:
            raise Replaced

    async def close(self) -> None:
        """Closes every connection."""
        for executor in self.executors:
            await executor.close()
        await self.readers.dispose()
        await self._writers.dispose()


def _engine(
    url: URL, connections: int, settings: dict[str, str], seconds: float | None
) -> AsyncEngine:
    """Returns an engine that sends BEGIN, COMMIT and ROLLBACK itself.

    SQLAlchemy's cursor begins a transaction with its first statement, but prepared
    statements do not use that cursor.
    """
    engine = create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",
        poolclass=AsyncAdaptedQueuePool,
        pool_size=connections,
        max_overflow=0,
        connect_args={
            "server_settings": settings,
            "timeout": CONNECT_SECONDS,
            "command_timeout": seconds,
            "statement_cache_size": 1_000,
            "max_cached_statement_lifetime": 0,
        },
    )

    @event.listens_for(engine.sync_engine, "connect")
    def verify(connection: DBAPIConnection, _record: object) -> None:
        promised = {name: settings[name] for name in _PROMISED if name in settings}
        cast("Any", connection).run_async(partial(_verify, settings=promised))

    @event.listens_for(engine.sync_engine, "checkout")
    def check(connection: DBAPIConnection, _record: object, _proxy: object) -> None:
        if _is_closed(connection):
            raise DisconnectionError

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        run(connection, "BEGIN")

    @event.listens_for(engine.sync_engine, "commit")
    def commit(connection: Connection) -> None:
        run(connection, "COMMIT")

    @event.listens_for(engine.sync_engine, "rollback")
    def rollback(connection: Connection) -> None:
        if connection.invalidated:  # a rollback would hide the original error
            return
        raw = connection.connection.dbapi_connection
        if not _is_closed(raw):
            cast("Any", raw).run_async(_roll_back)

    return engine


async def _verify(driver: asyncpg.Connection, settings: Mapping[str, str]) -> None:
    """Checks that a connection has the settings that it was opened with.

    Raises:
        Pooled: a setting has another value.
    """
    for name, value in settings.items():
        found = await driver.fetchval("SELECT current_setting($1)", name)
        if found != value:
            raise Pooled(f"the connection has {name} = {found} instead of {value}")


async def _epoch(driver: asyncpg.Connection) -> object:
    """Reads the epoch of the store."""
    return await driver.fetchval("SELECT value FROM store_facts WHERE name = 'epoch'")


async def _roll_back(driver: asyncpg.Connection) -> None:
    """Rolls a transaction back, or cuts its connection if the database does not answer."""
    try:
        async with timeout(ROLLBACK_SECONDS):
            await driver.fetch("ROLLBACK")
    except TimeoutError:
        driver.terminate()


def _is_closed(connection: DBAPIConnection | None) -> bool:
    """Whether the driver knows that a connection was cut."""
    return connection is None or cast("Any", connection).driver_connection.is_closed()
