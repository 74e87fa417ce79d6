"""Bringing a database to this program's schema, at start."""

from logging import getLogger
from secrets import randbits

from alembic import command
from sqlalchemy import Connection, func, insert, select, text

from tocsin_server.store.engine.driver_errors import CannotOpen
from tocsin_server.store.schema import versions
from tocsin_server.store.schema.tables import metadata, store_facts

logger = getLogger(__name__)

_MIGRATING = 0x746F6373696E
"""What servers lock that start at the same time, so that one migrates: "tocsin" in hex."""


def migrate(connection: Connection) -> None:
    """Applies the migrations that the database lacks, inside the caller's transaction.

    Others that want to do the same wait for the transaction's end.

    Raises:
        CannotOpen: the database is another program's, or of a newer version, or not in UTF-8.
    """
    if connection.dialect.name == "postgresql":
        _begin_in_postgresql(connection)
    versions.version(connection)
    config = versions.configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if connection.dialect.name == "postgresql":
        _check_rights(connection)


def hold_epoch(connection: Connection) -> None:
    """Waits for others that migrate a PostgreSQL store, or change its epoch, and keeps them waiting.

    That lasts until the transaction's end.
    """
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))


def _begin_in_postgresql(connection: Connection) -> None:
    """Waits for others that migrate, and looks at what the database is like."""
    hold_epoch(connection)
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise CannotOpen(f"the database stores texts as {encoding}; it has to be UTF8")
    if connection.scalar(text("SHOW fsync")) != "on":
        logger.warning("the database runs without fsync: a crash of its machine loses messages")


def _check_rights(connection: Connection) -> None:
    """Raises CannotOpen where a PostgreSQL role may not do with the tables what a server does."""
    for table in metadata.sorted_tables:
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            if not connection.scalar(select(func.has_table_privilege(table.name, right))):
                raise CannotOpen(f"its user may not {right} in the table {table.name}")


def read_epoch(connection: Connection) -> int:
    """Returns the number of the store's history, drawn at random for a new store."""
    query = select(store_facts.c.value).where(store_facts.c.name == "epoch")
    epoch = connection.scalar(query)
    if epoch is None:
        epoch = str(randbits(63))
        connection.execute(insert(store_facts).values(name="epoch", value=epoch))
    return int(epoch)
