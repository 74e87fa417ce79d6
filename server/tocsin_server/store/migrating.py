"""Bringing a database to this program's schema, at start."""

from pathlib import Path
from secrets import randbits

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, insert, inspect, select

from tocsin_server.store.failures import CannotOpen
from tocsin_server.store.tables import store_facts

MIGRATIONS = Path(__file__).with_name("migrations")


def migrate(connection: Connection) -> None:
    """Applies the migrations that the database lacks, inside the caller's transaction.

    Raises:
        CannotOpen: the database is another program's, or of a newer version.
    """
    tables = inspect(connection).get_table_names()
    if tables and "alembic_version" not in tables:
        raise CannotOpen("the database is another program's: it has tables that are not Tocsin's")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise CannotOpen(
            "the database has a schema that this version does not know:"
            " it belongs to a newer one, or to another program"
        ) from None


def read_epoch(connection: Connection) -> int:
    """Returns the number of the store's history, drawn at random for a new store."""
    query = select(store_facts.c.value).where(store_facts.c.name == "epoch")
    epoch = connection.scalar(query)
    if epoch is None:
        epoch = str(randbits(63))
        connection.execute(insert(store_facts).values(name="epoch", value=epoch))
    return int(epoch)
