"""Statements that Core writes once, and the driver runs as they are.

Core's way from a statement to a row costs more than the database's: 60 µs a
statement, of which SQLite needs 15, and four hops to the driver's thread where
that is asynchronous, of which one would do. Where that counts, the SQL and the
order of its parameters are kept for each dialect, and go straight to the driver,
inside the connection's transaction, which must have begun. So a prepared
statement's columns hold only what drivers know, which is numbers, texts and
bytes, its rows are tuples or like them, and its errors are the driver's own.

One that the database refuses ends SQLite's whole transaction, not itself alone,
which PostgreSQL's has no use for any more either. To be able to undo one
statement, SQLite would copy every page before the statement first changes it:
half as much again for a message to a thousand.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import AdaptedConnection, ClauseElement, Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler


_FROM = re.compile(r"\bFROM \w+")
_WRITES = re.compile(r"^(INSERT|UPDATE)")

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
        """Takes a statement, and the index by which SQLite is to read the first table in it.

        SQLite would rather go through all of an inbox, in the order of its key,
        than through a part of it that an index has. A statement that is an
        upsert is given as what makes it.
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
            made = cast("SQLCompiler", statement.compile(dialect=dialect))
            literals = {name: value for name, value in made.params.items() if value is not None}
            sql = made.string
            if self._sqlite_index is not None and dialect.name == "sqlite":
                sql = _FROM.sub(rf"\g<0> INDEXED BY {self._sqlite_index}", sql, count=1)
            if dialect.name == "sqlite":
                sql = _WRITES.sub(r"\g<0> OR ROLLBACK", sql)
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
