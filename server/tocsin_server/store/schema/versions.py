"""Schema versions: that of a database, and those that this program knows.

A version is the name of its migration's file. Alembic has the same versions, but takes an
eighth of a server's start to import; only a database of an older version needs it.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from tocsin_server.store.engine.driver_errors import CannotOpen

MIGRATIONS = Path(__file__).with_name("migrations")


def known() -> list[str]:
    """Returns the versions that this program knows, oldest first."""
    return sorted(file.stem for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def newest() -> str:
    """Returns the schema version of this program."""
    return known()[-1]


def version(connection: Connection) -> str | None:
    """Returns the version of a database's schema; None for an empty database.

    Raises:
        CannotOpen: the database belongs to another program, or has a newer schema.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise CannotOpen("the database is another program's: it has tables that are not Tocsin's")
    found = list(connection.scalars(text("SELECT version_num FROM alembic_version")))
    if len(found) != 1 or found[0] not in known():
        raise CannotOpen(
            "the database has a schema that this version does not know:"
            " it belongs to a newer one, or to another program"
        )
    return str(found[0])
