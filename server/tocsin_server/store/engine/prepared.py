"""Prepared statements: Core compiles a statement once, and the driver runs its SQL directly.

Core takes 60 µs from a statement to its rows; SQLite itself takes 15 of them. With
an asynchronous driver, Core takes four hops to the driver's thread instead of one.
So the SQL and the order of its parameters are cached for each dialect, and go
straight to the driver. The connection's transaction must have begun. There is no
conversion of types: columns hold only numbers, texts and bytes, rows are tuples or
similar sequences, and errors are the driver's own.

When the database refuses a statement, the whole transaction ends, on SQLite
(`OR ROLLBACK`) as on PostgreSQL. To undo one statement alone, SQLite would copy
each page before the statement first changes it. A message to a thousand inboxes
would take half as long again.
"""

from collections.abc import Callable, Mapping, Sequence
from sqlite3 import Connection as SqliteConnection
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import AdaptedConnection, ClauseElement, Connection, Dialect, Insert, Table, Update
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler


Upsert = Callable[[Table], Any]
"""A dialect's own `insert`, which supports ON CONFLICT."""

_UPSERTS: Mapping[str, Upsert] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Prepared:
    """A compiled statement; each call gives the values of all its parameters by name."""

    def __init__(
        self,
        statement: ClauseElement | Callable[[Upsert], ClauseElement],
        sqlite_indexes: Mapping[str, str] | None = None,
    ) -> None:
        """Takes a statement, and optionally by which index SQLite must read each alias in it.

        Without an index, SQLite would scan a whole inbox in the order of its key instead
        of reading the few rows of a partial index. For an upsert, `statement` is a function
        that builds it from the dialect's own `insert`.
        """
        self._statement = statement
        self._sqlite_indexes = sqlite_indexes or {}
        self._compiled: dict[str, tuple[str, Sequence[str], dict[str, Any]]] = {}

    def __call__(
        self, connection: Connection, parameters: Mapping[str, Any]
    ) -> Sequence[tuple[Any, ...]]:
        """Runs the statement, and returns its rows, or nothing if it returns no rows."""
        if not connection.in_transaction():
            raise RuntimeError("a prepared statement needs a transaction that has begun")
        sql, order, literals = self.compiled(connection.dialect)
        values = {**literals, **parameters} if literals else parameters
        return run(connection, sql, [values[name] for name in order])

    def compiled(self, dialect: Dialect) -> tuple[str, Sequence[str], Mapping[str, Any]]:
        """Returns the SQL, the names of its parameters in order, and the values of its literals."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            statement = self._statement
            if not isinstance(statement, ClauseElement):
                statement = statement(_UPSERTS[dialect.name])
            if isinstance(statement, (Insert, Update)):
                statement = statement.prefix_with("OR ROLLBACK", dialect="sqlite")
            compiler = cast("SQLCompiler", statement.compile(dialect=dialect))
            literals = {name: value for name, value in compiler.params.items() if value is not None}
            sql = compiler.string
            if dialect.name == "sqlite":
                for alias, index in self._sqlite_indexes.items():
                    sql = sql.replace(f" AS {alias} ", f" AS {alias} INDEXED BY {index} ")
            compiled = (sql, compiler.positiontup or (), literals)
            self._compiled[dialect.name] = compiled
        return compiled


def run(connection: Connection, sql: str, values: Sequence[Any] = ()) -> Sequence[tuple[Any, ...]]:
    """Runs SQL in the driver's own form, and returns its rows, or nothing if it returns no rows."""
    raw: Any = connection.connection.dbapi_connection
    if isinstance(raw, AdaptedConnection):
        if connection.dialect.name == "postgresql":
            return raw.run_async(lambda driver: driver.fetch(sql, *values))
        return raw.run_async(lambda driver: driver.execute_fetchall(sql, values))
    cursor = raw.cursor()
    try:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else ()
    finally:
        cursor.close()


def rows_written(connection: Connection) -> int | None:
    """Returns how many rows a connection has written so far; None if the driver does not count."""
    raw: Any = connection.connection.dbapi_connection
    return raw.total_changes if isinstance(raw, SqliteConnection) else None
