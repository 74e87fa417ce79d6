"""Visiting a store that is there, from beside its server: to look, to repair, to be alone with it.

A visitor makes no database and migrates none. Its transactions are of one
moment, and short ones of its own hold up a server no longer than they last.
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
from tocsin_server.store.engine.driver_errors import CannotOpen, cause_of, is_busy, is_of_a_database
from tocsin_server.store.engine.executors import run
from tocsin_server.store.schema import versions

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long a visitor waits for a lock that somebody else holds."""

_WRITES = "tocsin_writes"
"""The execution option of a transaction that holds the write lock from its beginning."""


class Visit(Protocol):
    """A store that is visited; each unit of work is a transaction of its own."""

    def read(self, unit: Callable[[Connection], T]) -> T:
        """Runs a unit of work that only reads, at one moment of the database."""

    def write(self, unit: Callable[[Connection], T]) -> T:
        """Commits a unit of work; it is on disk when this returns."""


@contextmanager
def visiting(url: URL, *, alone: bool = False, current: bool = False) -> Iterator[Visit]:
    """Visits a store while the context lasts.

    With `alone`, nobody else uses a file meanwhile; a PostgreSQL database tells
    who uses it. With `current`, the schema must be this program's, and not an
    older one.

    Raises:
        CannotOpen: it is missing, not a store, a newer program's, in use, or fails meanwhile.
    """
    of_file = url.drivername.startswith("sqlite")
    name = str(url.database) if of_file else url.render_as_string(hide_password=True)
    try:
        with _file(url, alone=alone) if of_file else _postgresql(url) as visit:
            visit.read(lambda connection: _check_schema(connection, current=current))
            yield visit
    except Exception as error:
        if not (isinstance(error, CannotOpen) or is_of_a_database(error)):
            raise
        cause = "a server uses it" if alone and is_busy(error) else cause_of(error)
        raise CannotOpen(f"cannot use the database {name}: {cause}") from None


class _FileVisit:
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
def _file(url: URL, *, alone: bool) -> Iterator[Visit]:
    """Visits a SQLite file."""
    path = Path(str(url.database))
    if not path.is_file():
        raise CannotOpen("there is no such file")
    # So opened, a file that is gone meanwhile is not made anew.
    address = f"{path.absolute().as_uri()}?mode=rw"
    engine = create_engine(
        "sqlite://",
        creator=lambda: connect(
            address, uri=True, timeout=0.0 if alone else BUSY_SECONDS, isolation_level=None
        ),
        poolclass=StaticPool,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: SqliteConnection, _record: object) -> None:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # that is the server's
        if alone:
            # Refused while anybody else has the file open; and nobody gets in afterwards.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = DELETE")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    try:
        with engine.connect() as connection:
            yield _FileVisit(connection)
    finally:
        engine.dispose()


class _PostgresqlVisit:
    def __init__(self, runner: Runner, opened: Database) -> None:
        self._runner = runner
        self._opened = opened

    def read(self, unit: Callable[[Connection], T]) -> T:
        async def reading() -> T:
            async with self._opened.readers.connect() as connection:
                await connection.begin()
                return await connection.run_sync(unit)

        return self._runner.run(reading())

    def write(self, unit: Callable[[Connection], T]) -> T:
        def writing(connection: Connection) -> T:
            with connection.begin():
                return unit(connection)

        return self._runner.run(run(self._opened.executors[0], writing))


@contextmanager
def _postgresql(url: URL) -> Iterator[Visit]:
    """Visits a PostgreSQL database, in a loop of its own."""
    # Its driver need not be installed where nobody asks for it.
    from tocsin_server.store.engine.postgresql import Postgresql  # noqa: PLC0415

    with Runner() as runner:
        opened = Postgresql(url, visits=True)
        try:
            yield _PostgresqlVisit(runner, opened)
        finally:
            runner.run(opened.close())


def _check_schema(connection: Connection, *, current: bool) -> None:
    """Raises CannotOpen where the schema is none that this program knows."""
    version = versions.version(connection)
    if not version:
        raise CannotOpen("it is empty: no server has used it yet")
    if current and version != versions.newest():
        raise CannotOpen(
            "the database has the schema of an older version: `tocsin-server serve` renews it"
        )
