"""Opens an existing store without a server: for the doctor, backups and restores.

It creates no database and migrates none. A server may be using the store, unless
it is opened exclusively. Each transaction sees one snapshot, and a transaction
that writes holds up the server only as long as it lasts.
"""

from asyncio import Runner
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from sqlite3 import connect
from typing import Protocol, TypeVar

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from tocsin_server.store.engine.databases import Database
from tocsin_server.store.engine.driver_errors import (
    CannotOpen,
    cause_of,
    is_busy,
    is_database_error,
)
from tocsin_server.store.engine.executors import run
from tocsin_server.store.engine.file_lock import is_locked
from tocsin_server.store.schema import versions

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long a transaction waits for a lock that another process holds."""

_WRITES = "tocsin_writes"
"""The execution option of a transaction that takes the write lock when it begins."""


class OfflineStore(Protocol):
    """A store that was opened without a server. Each unit of work is a transaction of its own."""

    def read(self, unit: Callable[[Connection], T]) -> T:
        """Runs a unit of work that only reads, on one snapshot of the database."""

    def write(self, unit: Callable[[Connection], T]) -> T:
        """Commits a unit of work; it is on disk when this returns."""


@contextmanager
def open_offline(
    url: URL, *, exclusive: bool = False, current_schema: bool = False
) -> Iterator[OfflineStore]:
    """Opens a store while the context lasts.

    With `exclusive`, no other process has a SQLite file open meanwhile; on
    PostgreSQL, which lists its connections, it has no effect. With
    `current_schema`, a store with an older schema is refused.

    Raises:
        CannotOpen: the store is missing, in use, no store, or of a newer program; or the
            database fails meanwhile.
    """
    is_file = url.drivername.startswith("sqlite")
    name = str(url.database) if is_file else url.render_as_string(hide_password=True)
    try:
        with _open_sqlite(url, exclusive=exclusive) if is_file else _open_postgresql(url) as store:
            store.read(lambda connection: _check_schema(connection, current=current_schema))
            yield store
    except Exception as error:
        if not (isinstance(error, CannotOpen) or is_database_error(error)):
            raise
        cause = "a server uses it" if exclusive and is_busy(error) else cause_of(error)
        raise CannotOpen(f"cannot use the database {name}: {cause}") from None


class _OfflineSqlite:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, unit: Callable[[Connection], T]) -> T:
        return self._run(unit, writes=False)

    def write(self, unit: Callable[[Connection], T]) -> T:
        return self._run(unit, writes=True)

    def _run(self, unit: Callable[[Connection], T], *, writes: bool) -> T:
        connection = self._connection.execution_options(**{_WRITES: writes})
        with connection.begin():
            return unit(connection)


@contextmanager
def _open_sqlite(url: URL, *, exclusive: bool) -> Iterator[OfflineStore]:
    """Opens a SQLite file."""
    path = Path(str(url.database))
    if not path.is_file():
        raise CannotOpen("there is no such file")
    if _has_its_log_elsewhere(path):
        raise CannotOpen("a server serves it under another name (a hard link): use that name")
    # This mode does not create the file again if it is deleted meanwhile.
    address = f"{path.absolute().as_uri()}?mode=rw"
    engine = create_engine(
        "sqlite://",
        creator=lambda: connect(
            address, uri=True, timeout=0.0 if exclusive else BUSY_SECONDS, isolation_level=None
        ),
        poolclass=StaticPool,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: SqliteConnection, _record: object) -> None:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # only the server checkpoints
        if exclusive:
            # SQLite refuses this while another process has the file open, and later lets none in.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = DELETE")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    try:
        with engine.connect() as connection:
            yield _OfflineSqlite(connection)
    finally:
        engine.dispose()


def _has_its_log_elsewhere(path: Path) -> bool:
    """Whether a server serves the file under another name, beside which its log lies."""
    own_log = path.resolve().with_name(f"{path.resolve().name}-wal")
    return path.stat().st_nlink > 1 and not own_log.exists() and is_locked(path)


class _OfflinePostgresql:
    def __init__(self, runner: Runner, database: Database) -> None:
        self._runner = runner
        self._database = database

    def read(self, unit: Callable[[Connection], T]) -> T:
        async def read() -> T:
            async with self._database.readers.connect() as connection:
                await connection.begin()
                return await connection.run_sync(unit)

        return self._runner.run(read())

    def write(self, unit: Callable[[Connection], T]) -> T:
        def write(connection: Connection) -> T:
            with connection.begin():
                return unit(connection)

        return self._runner.run(run(self._database.executors[0], write))


@contextmanager
def _open_postgresql(url: URL) -> Iterator[OfflineStore]:
    """Opens a PostgreSQL database, with an event loop of its own."""
    # The driver is an optional dependency.
    from tocsin_server.store.engine.postgresql import Postgresql  # noqa: PLC0415

    with Runner() as runner:
        database = Postgresql(url, offline=True)
        try:
            yield _OfflinePostgresql(runner, database)
        finally:
            runner.run(database.close())


def _check_schema(connection: Connection, *, current: bool) -> None:
    """Raises CannotOpen where the store has no schema that this program can use."""
    version = versions.version(connection)
    if version is None:
        raise CannotOpen("it is empty: no server has used it yet")
    if current and version != versions.newest():
        raise CannotOpen(
            "the database has the schema of an older version: `tocsin-server serve` migrates it"
        )
