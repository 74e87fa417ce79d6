"""Migrates a database to this program's schema when the server starts."""

from logging import getLogger
from secrets import randbits

from sqlalchemy import Connection, func, insert, select, text

from tocsin_server.store.engine.driver_errors import CannotOpen
from tocsin_server.store.schema import versions
from tocsin_server.store.schema.tables import metadata, store_facts

logger = getLogger(__name__)

_MIGRATION_LOCK = 0x746F6373696E
"""The advisory lock that lets only one of several starting servers migrate: "tocsin" in hex."""


def migrate(connection: Connection) -> None:
    """Brings a database to the newest schema, inside the caller's transaction.

    An empty database gets the tables, an older one the missing migrations. Other
    servers that start wait for the transaction's end.

    Raises:
        CannotOpen: the database belongs to another program, has a newer schema, is not
            encoded in UTF-8, or refuses the server a right that it needs.
    """
    if connection.dialect.name == "postgresql":
        _begin_in_postgresql(connection)
    version = versions.version(connection)
    if version is None:
        _create(connection)
    elif version != versions.newest():
        upgrade(connection)
    if connection.dialect.name == "postgresql":
        _check_rights(connection)


def _create(connection: Connection) -> None:
    """Creates the tables, as the migrations do, and Alembic's table with the version."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(
        text(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
            " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(
        text("INSERT INTO alembic_version VALUES (:version)"), {"version": versions.newest()}
    )


def upgrade(connection: Connection) -> None:
    """Applies the missing migrations; to an empty database, all."""
    from alembic import command  # noqa: PLC0415  # most starts do not need it
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(versions.MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def hold_epoch(connection: Connection) -> None:
    """Takes the lock for migrations and changes of the epoch, until the transaction's end.

    Only PostgreSQL has it.
    """
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))


def _begin_in_postgresql(connection: Connection) -> None:
    """Takes the migration lock, and checks the settings of the database."""
    hold_epoch(connection)
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise CannotOpen(f"the database stores texts as {encoding}; it has to be UTF8")
    if connection.scalar(text("SHOW fsync")) != "on":
        logger.warning("the database runs without fsync: a crash of its machine loses messages")


def _check_rights(connection: Connection) -> None:
    """Raises CannotOpen if the PostgreSQL role lacks a right that a server needs."""
    for table in metadata.sorted_tables:
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            if not connection.scalar(select(func.has_table_privilege(table.name, right))):
                raise CannotOpen(f"its user may not {right} in the table {table.name}")


def read_epoch(connection: Connection) -> int:
    """Returns the epoch of the store; gives a new store a random one."""
    query = select(store_facts.c.value).where(store_facts.c.name == "epoch")
    epoch = connection.scalar(query)
    if epoch is None:
        epoch = str(randbits(63))
        connection.execute(insert(store_facts).values(name="epoch", value=epoch))
    return int(epoch)
