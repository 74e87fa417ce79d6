from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Engine, inspect, text
from sqlalchemy.exc import OperationalError
from tocsin_server.store.engine.sqlite import write_engine
from tocsin_server.store.schema import versions as schema_versions
from tocsin_server.store.schema.migration import migrate, read_epoch, upgrade
from tocsin_server.store.schema.tables import metadata

from tests.support.postgres import Postgres, working

BROKEN = """
import sqlalchemy as sa
from alembic import op

revision = "9999_broken"
down_revision = "HEAD"


def upgrade():
    op.create_table("half_done", sa.Column("a", sa.Text()))
    op.execute("INSERT INTO half_done VALUES (1)")
    op.execute("INSERT INTO nowhere VALUES (1)")
"""


@pytest.fixture
def migrated(tmp_path: Path, url: URL) -> Iterator[Engine]:
    """A database that has run every migration, as one of the first version would."""
    engine = write_engine(url.set(database=str(tmp_path / "migrated.db")))
    with engine.begin() as connection:
        upgrade(connection)
    yield engine
    engine.dispose()


def test_the_versions_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema_versions.MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)

    assert [each.revision for each in scripts.walk_revisions()][::-1] == schema_versions.known()
    assert scripts.get_heads() == [schema_versions.newest()]


def test_the_migrations_give_the_schema_of_the_tables(migrated: Engine) -> None:
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection)

        assert compare_metadata(context, metadata) == []


def test_a_new_database_is_as_the_migrations_make_it(engine: Engine, migrated: Engine) -> None:
    """Covers what Alembic does not compare: partial indexes, WITHOUT ROWID, AUTOINCREMENT."""

    def schema(engine: Engine) -> tuple[dict[str, str], list[str]]:
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master")).all()
            versions = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
        return {name: "".join(sql.split()) for name, sql in rows if sql}, list(versions)

    assert schema(engine) == schema(migrated)


SCHEMA_IN_POSTGRESQL = (
    (
        "SELECT attrelid::regclass::text, attname, attnum, format_type(atttypid, atttypmod),"
        " attnotnull, attidentity, attcollation::regcollation::text, col_description(attrelid, attnum),"
        " pg_get_expr(adbin, adrelid) FROM pg_attribute"
        " LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)"
        " JOIN pg_class ON pg_class.oid = attrelid"
        " WHERE attnum > 0 AND relnamespace = 'public'::regnamespace ORDER BY 1, 3"
    ),
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
    ),
    (
        "SELECT relname, relkind, reloptions, obj_description(oid, 'pg_class') FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    ),
    "SELECT version_num FROM alembic_version",
)


def test_a_new_postgresql_database_is_as_the_migrations_make_it(postgres: Postgres) -> None:
    schemas = []
    for make in (migrate, upgrade):
        url = postgres.create_empty()
        with working(url) as work:
            work(make)
        schemas.append([postgres.execute(query, url) for query in SCHEMA_IN_POSTGRESQL])
        postgres.drop(url)

    assert schemas[0] == schemas[1]
    assert all(schemas[0])


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        epoch = read_epoch(connection)
        migrate(connection)

        assert read_epoch(connection) == epoch


def test_two_stores_have_different_epochs(engine: Engine, tmp_path: Path, url: URL) -> None:
    other = write_engine(url.set(database=str(tmp_path / "other.db")))

    with engine.begin() as connection, other.begin() as another:
        migrate(another)

        assert read_epoch(connection) != read_epoch(another)
    other.dispose()


@pytest.fixture
def broken_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The migrations, and one that fails half-way."""
    folder = tmp_path / "migrations"
    versions = folder / "versions"
    versions.mkdir(parents=True)
    for path in schema_versions.MIGRATIONS.rglob("*"):
        if path.suffix in {".py", ".mako"}:
            (folder / path.relative_to(schema_versions.MIGRATIONS)).write_text(path.read_text())
    head = max(path.stem for path in versions.glob("0*.py"))
    (versions / "9999_broken.py").write_text(BROKEN.replace("HEAD", head))
    monkeypatch.setattr(schema_versions, "MIGRATIONS", folder)


@pytest.mark.usefixtures("broken_migrations")
def test_a_failed_migration_leaves_a_new_database_empty(url: URL) -> None:
    engine = write_engine(url)

    with pytest.raises(OperationalError, match="nowhere"), engine.begin() as connection:
        upgrade(connection)

    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_failed_migration_leaves_an_old_database_unchanged(
    engine: Engine, request: pytest.FixtureRequest
) -> None:
    with engine.begin() as connection:
        epoch = read_epoch(connection)
    before = set(inspect(engine).get_table_names())
    request.getfixturevalue("broken_migrations")

    with pytest.raises(OperationalError, match="nowhere"), engine.begin() as connection:
        migrate(connection)

    assert set(inspect(engine).get_table_names()) == before
    with engine.begin() as connection:
        assert read_epoch(connection) == epoch
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    assert version == schema_versions.known()[-2]
