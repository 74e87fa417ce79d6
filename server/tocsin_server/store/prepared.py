"""Statements that Core writes once, and the driver runs as they are.

Core's way from a statement to a row costs more than the database's: 60 µs a
statement, of which SQLite needs 15, and four hops to the driver's thread where
that is asynchronous, of which one would do. Where that counts, the SQL and the
order of its parameters are kept for each dialect, and go straight to the driver,
inside the connection's transaction, which must have begun. So a prepared
statement's columns hold only what drivers know, which is numbers, texts and
bytes, its rows are tuples, and its errors are the driver's own.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import AdaptedConnection, ClauseElement, Connection

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler


class Prepared:
    """A statement whose parameters all come with each execution, by name."""

    def __init__(self, statement: ClauseElement) -> None:
        self.statement = statement
        self._compiled: dict[str, tuple[str, Sequence[str], dict[str, Any]]] = {}

    def __call__(
        self, connection: Connection, parameters: Mapping[str, Any]
    ) -> Sequence[tuple[Any, ...]]:
        """Runs the statement and returns its rows, none when it has none."""
        if not connection.in_transaction():
            raise RuntimeError("a prepared statement needs a transaction that has begun")
        compiled = self._compiled.get(connection.dialect.name)
        if compiled is None:
            made = cast("SQLCompiler", self.statement.compile(dialect=connection.dialect))
            literals = {name: value for name, value in made.params.items() if value is not None}
            compiled = (made.string, made.positiontup or (), literals)
            self._compiled[connection.dialect.name] = compiled
        sql, order, literals = compiled
        values = {**literals, **parameters} if literals else parameters
        return run(connection, sql, [values[name] for name in order])


def run(connection: Connection, sql: str, values: Sequence[Any] = ()) -> Sequence[tuple[Any, ...]]:
    """Runs the driver's own SQL on a connection, and returns its rows, none when it has none."""
    raw: Any = connection.connection.dbapi_connection
    if isinstance(raw, AdaptedConnection):
        return raw.run_async(lambda driver: driver.execute_fetchall(sql, values))
    cursor = raw.cursor()
    try:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else ()
    finally:
        cursor.close()
