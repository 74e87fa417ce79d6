"""SQLite, the embedded database: one connection that writes, and a pool of those that read."""

from asyncio import Task
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from sqlite3 import Error as SqliteError
from sqlite3 import sqlite_version_info
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, StaticPool

from tocsin_server.store.engine.databases import READERS
from tocsin_server.store.engine.driver_errors import CannotOpen
from tocsin_server.store.engine.executors import Executor, ThreadExecutor
from tocsin_server.store.engine.file_lock import FileLock, lock
from tocsin_server.store.engine.prepared import rows_written, run

BUSY_SECONDS = 5.0
"""How long a reader waits for a lock that another connection holds."""

LOCK_STEP_SECONDS = 0.1
"""How long one attempt of the writer waits for the lock; between attempts it checks whether to stop."""

CHECKPOINT_ROWS = 250
"""After how many written rows the writer moves the log into the file (checkpoint).

It does so when it has answered the callers of the last group. A row writes about a
page. Only the connection that writes checkpoints. If a second connection did, SQLite
before 3.51.3 could lose commits (its WAL-reset bug).
"""

COMMIT_CHECKPOINT_PAGES = 2_000
"""How many pages the log has when a commit itself checkpoints: 8 MiB.

Only rows of many pages fill it before `CHECKPOINT_ROWS`.
"""

_SQLITE_NEEDED = (3, 38)


class Sqlite:
    """Implements `Database` for a SQLite file."""

    mixes = True
    """There is one writer, so the order of locks does not matter."""

    executors: Sequence[Executor]

    def __init__(self, url: URL) -> None:
        """Takes the URL of a file, which was checked."""
        self.name = url.database or ""
        self._write = write_engine(url)
        self.readers = read_engine(url)
        self.executors = [ThreadExecutor(self._write, _Checkpoints().run_when_due)]
        self._lock: FileLock | None = None

    @staticmethod
    def check(url: URL) -> None:
        """Checks the URL of a file.

        Raises:
            CannotOpen: the URL names no file, or has other parts; or SQLite is too old.
        """
        if url.host:
            raise CannotOpen(
                "the database URL names a host: sqlite+aiosqlite:///FILE has three slashes,"
                " and a fourth before a path from the root"
            )
        if url.query:
            raise CannotOpen("the database URL has parameters: it takes none")
        if not url.database or url.database.startswith((":", "file:")):
            raise CannotOpen("the database URL names no file")
        if sqlite_version_info < _SQLITE_NEEDED:
            raise CannotOpen("this Python comes with an SQLite older than 3.38")

    def reserve(self) -> None:
        """Locks the file, and creates it if it is missing.

        Raises:
            CannotOpen: another server has locked the file, or it cannot be written.
        """
        try:
            self._lock = lock(Path(self.name))
        except OSError as error:
            raise CannotOpen((error.strerror or str(error)).lower()) from None

    def guard(self, epoch: int) -> None:
        """Does nothing: `restore` refuses to replace a file that a server has locked."""

    async def interrupt(self, _read: Task[Any], connection: Any) -> None:  # noqa: ANN401  # aiosqlite's
        """Makes the statement that a reading connection runs fail; does nothing if it runs none.

        SQLite forgets an interrupt when no statement runs, so it never hits a later one.
        """
        with suppress(ValueError):  # the connection is closed
            await connection.interrupt()

    async def close(self) -> None:
        """Closes every connection, and then releases the lock."""
        for executor in self.executors:
            await executor.close()
        # An open connection of aiosqlite keeps its thread, and so the process, alive.
        await self.readers.dispose()
        self._write.dispose()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


class _Checkpoints:
    """Counts the written rows of one connection, and checkpoints when there are enough."""

    def __init__(self) -> None:
        self._rows = 0
        """How many rows were written up to the last checkpoint."""

    def run_when_due(self, connection: Connection) -> None:
        """Checkpoints if enough rows were written since the last time.

        An error changes nothing: the commits are in the log, and the next checkpoint
        tries again. A full disk is reported by the writes that it stops.
        """
        rows = rows_written(connection) or 0
        # The count is negative after 2^31 rows: SQLite gives 32 bits of it.
        if not 0 <= rows - self._rows < CHECKPOINT_ROWS:
            self._rows = rows
            with suppress(SqliteError):
                run(connection, "PRAGMA wal_checkpoint(PASSIVE)")


def write_engine(url: URL) -> Engine:
    """Returns the engine of the one connection that writes.

    Every commit is on disk when it returns. A transaction takes the write lock when
    it begins. If it began as a reader, its first write would fail when another
    process has written meanwhile.
    """
    engine = create_engine(
        url.set(drivername="sqlite"),
        poolclass=StaticPool,
        connect_args={"timeout": LOCK_STEP_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: SqliteConnection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute(f"PRAGMA wal_autocheckpoint = {COMMIT_CHECKPOINT_PAGES}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    @event.listens_for(engine, "commit")
    def check(connection: Connection) -> None:
        # A refused statement has ended the transaction, so this commit would do nothing.
        raw = connection.connection.dbapi_connection
        if not cast("SqliteConnection", raw).in_transaction:
            raise RuntimeError("there is no transaction any more to commit")

    return engine


def read_engine(url: URL) -> AsyncEngine:
    """Returns the engine of the connections that read, each transaction on one snapshot."""
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=READERS,
        max_overflow=0,
        connect_args={"timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: SqliteConnection, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only = ON")
        cursor.execute("PRAGMA cache_size = -16384")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        run(connection, "BEGIN")

    return engine
