"""Engines for the embedded store: one connection that writes, some that read."""

from sqlite3 import Connection as SqliteConnection
from sqlite3 import sqlite_version_info

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, StaticPool

from tocsin_server.store.failures import CannotOpen
from tocsin_server.store.prepared import run

READERS = 4
BUSY_SECONDS = 5.0
"""How long a reader waits for a lock that somebody else holds."""

LOCK_STEP_SECONDS = 0.1
"""The same for the writer, which asks again and looks up in between."""
CHECKPOINT_PAGES = 10_000
"""How many pages the log gathers before they go to the file, each once: 40 MiB."""

_SQLITE_NEEDED = (3, 38)


def database_url(text: str) -> URL:
    """Returns the URL of a database that the server can use.

    Raises:
        CannotOpen: it is none.
    """
    try:
        url = make_url(text)
    except ArgumentError:
        raise CannotOpen("the database URL is not a URL") from None
    if url.drivername != "sqlite+aiosqlite":
        raise CannotOpen(
            f"the database URL begins with {url.drivername}://; known is sqlite+aiosqlite:///FILE"
        )
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
    return url


def write_engine(url: URL) -> Engine:
    """Returns the engine of the one connection that writes.

    Every commit is on disk when it returns, and a transaction holds the write
    lock from its beginning: one that began as a reader could find, when it
    comes to write, that somebody else wrote meanwhile, and would fail.
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
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def read_engine(url: URL) -> AsyncEngine:
    """Returns the engine whose connections only read, each transaction one moment."""
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
