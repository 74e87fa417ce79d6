from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, Engine, inspect, text
from sqlalchemy.exc import OperationalError
from tocsin_server.store.engine.sqlite import write_engine
from tocsin_server.store.schema import versions as schema_versions
from tocsin_server.store.schema.migration import migrate, read_epoch
from tocsin_server.store.schema.tables import metadata

BROKEN = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "HEAD"


def upgrade():
    op.create_table("half_done", sa.Column("a", sa.Text()))
    op.execute("INSERT INTO half_done VALUES (1)")
    op.execute("INSERT INTO nowhere VALUES (1)")
"""


def test_the_migrations_give_the_schema_of_the_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)

        assert compare_metadata(context, metadata) == []


def test_the_migrations_give_the_same_statements_as_the_tables(
    engine: Engine, tmp_path: Path, url: URL
) -> None:
    """Covers what Alembic does not compare: partial indexes, WITHOUT ROWID, AUTOINCREMENT."""
    other = write_engine(url.set(database=str(tmp_path / "other.db")))
    metadata.create_all(other)
    query = text(
        "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name != :version"
    )

    def statements(engine: Engine) -> dict[str, str]:
        with engine.connect() as connection:
            rows = connection.execute(query, {"version": "alembic_version"}).all()
        return {name: "".join(sql.split()) for name, sql in rows if sql}

    assert statements(engine) == statements(other)
    other.dispose()


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
        migrate(connection)

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
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) != "9999"
