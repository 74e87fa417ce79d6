"""Schema versions: that of a database, and those that this program knows."""

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from tocsin_server.store.engine.driver_errors import CannotOpen

MIGRATIONS = Path(__file__).with_name("migrations")


def configuration() -> Config:
    """Returns Alembic's configuration, which says where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def newest() -> set[str]:
    """Returns the schema version of this program."""
    return set(ScriptDirectory.from_config(configuration()).get_heads())


def version(connection: Connection) -> set[str]:
    """Returns the version of a database's schema; the empty set for an empty database.

    Raises:
        CannotOpen: the database belongs to another program, or has a newer schema.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return set()
    if "alembic_version" not in tables:
        raise CannotOpen("the database is another program's: it has tables that are not Tocsin's")
    found = set(connection.scalars(text("SELECT version_num FROM alembic_version")))
    scripts = ScriptDirectory.from_config(configuration())
    if not found or not found <= {script.revision for script in scripts.walk_revisions()}:
        raise CannotOpen(
            "the database has a schema that this version does not know:"
            " it belongs to a newer one, or to another program"
        )
    return found
