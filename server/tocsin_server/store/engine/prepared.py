"""Prepared statements: Core compiles each once, and the driver runs the SQL as it is.

Core needs 60 µs from a statement to its rows, SQLite 15 of them, and an
asynchronous driver four hops to its thread where one would do. So the SQL and the
order of its parameters are kept for each dialect, and go straight to the driver,
inside the connection's transaction, which must have begun. The columns of a
prepared statement therefore hold only numbers, texts and bytes, its rows are
tuples or like them, and its errors are the driver's own.

A statement that the database refuses ends the whole transaction, on SQLite as on
PostgreSQL (`OR ROLLBACK`). To undo one statement alone, SQLite would copy every
page before the statement first changes it: half as much again for a message to a
thousand inboxes.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from sqlite3 import Connection as SqliteConnection
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import AdaptedConnection, ClauseElement, Connection, Dialect, Insert, Table, Update
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler


_FROM = re.compile(r"\bFROM \w+")

Upsert = Callable[[Table], Any]
"""A dialect's own `insert`, which knows what to do about a conflict."""

_UPSERTS: Mapping[str, Upsert] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Prepared:
    """A statement whose parameters all come with each execution, by name."""

    def __init__(
        self,
        statement: ClauseElement | Callable[[Upsert], ClauseElement],
        sqlite_index: str | None = None,
    ) -> None:
        """Takes a statement, and the index by which SQLite must read its first table.

        Left to itself, SQLite scans a whole inbox in the order of its key rather than
        the part of it that a partial index holds. An upsert is given as a function
        that makes it from the dialect's own `insert`.
        """
        self._statement = statement
        self._sqlite_index = sqlite_index
        self._compiled: dict[str, tuple[str, Sequence[str], dict[str, Any]]] = {}

    def __call__(
        self, connection: Connection, parameters: Mapping[str, Any]
    ) -> Sequence[tuple[Any, ...]]:
        """Runs the statement and returns its rows, none when it has none."""
        if not connection.in_transaction():
            raise RuntimeError("a prepared statement needs a transaction that has begun")
        sql, order, literals = self.compiled(connection.dialect)
        values = {**literals, **parameters} if literals else parameters
        return run(connection, sql, [values[name] for name in order])

    def compiled(self, dialect: Dialect) -> tuple[str, Sequence[str], Mapping[str, Any]]:
        """Returns the SQL, the names of its parameters in order, and those that have values."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            statement = self._statement
            if not isinstance(statement, ClauseElement):
                statement = statement(_UPSERTS[dialect.name])
            if isinstance(statement, (Insert, Update)):
                statement = statement.prefix_with("OR ROLLBACK", dialect="sqlite")
            made = cast("SQLCompiler", statement.compile(dialect=dialect))
            literals = {name: value for name, value in made.params.items() if value is not None}
            sql = made.string
            if self._sqlite_index is not None and dialect.name == "sqlite":
                sql = _FROM.sub(rf"\g<0> INDEXED BY {self._sqlite_index}", sql, count=1)
            compiled = (sql, made.positiontup or (), literals)
            self._compiled[dialect.name] = compiled
        return compiled


def run(connection: Connection, sql: str, values: Sequence[Any] = ()) -> Sequence[tuple[Any, ...]]:
    """Runs the driver's own SQL on a connection, and returns its rows, none when it has none."""
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
    """Returns how many rows a connection has written so far; None where nothing counts them."""
    raw: Any = connection.connection.dbapi_connection
    return raw.total_changes if isinstance(raw, SqliteConnection) else None
