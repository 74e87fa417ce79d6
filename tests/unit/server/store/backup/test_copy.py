import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from shutil import copyfile

import pytest
from tocsin_server.store.backup import copy
from tocsin_server.store.backup.copy import CannotCopy, back_up
from tocsin_server.store.engine.driver_errors import CannotOpen
from tocsin_server.store.engine.file_lock import lock

from tests.support.aging import age, examined
from tests.support.serving import database


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("aged") / "tocsin.db"
    asyncio.run(age(file, rounds=1))
    return file


@pytest.fixture
def file(aged: Path, tmp_path: Path) -> Path:
    """A store without a server, in a folder of its own."""
    folder = tmp_path / "store"
    folder.mkdir()
    return Path(copyfile(aged, folder / "tocsin.db"))


def rows(file: Path) -> Sequence[str]:
    """Everything in a database."""
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_backup_is_a_complete_copy_in_one_file(file: Path, tmp_path: Path) -> None:
    size = back_up(database(file), tmp_path / "backup.db")

    assert names(tmp_path) == ["backup.db", "store"]
    assert (tmp_path / "backup.db").stat().st_size == size
    assert examined(tmp_path / "backup.db") == []
    assert rows(tmp_path / "backup.db") == rows(file)


def test_a_backup_contains_rows_that_are_only_in_the_log(file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("UPDATE channels SET title = 'changed'")

        back_up(database(file), tmp_path / "backup.db")

        assert rows(tmp_path / "backup.db") == rows(file)
    assert any("'changed'" in row for row in rows(tmp_path / "backup.db"))


def test_a_served_store_is_not_copied_by_a_name_without_its_log(file: Path, tmp_path: Path) -> None:
    other_name = tmp_path / "other.db"
    other_name.hardlink_to(file)
    served = lock(file)
    assert served is not None

    with pytest.raises(CannotOpen, match="a server serves it under another name"):
        back_up(database(other_name), tmp_path / "backup.db")

    served.close()
    back_up(database(other_name), tmp_path / "backup.db")
    assert rows(tmp_path / "backup.db") == rows(file)


def test_a_backup_is_one_snapshot_despite_concurrent_writes(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        steps: list[int] = []

        def write(_status: int, left: int, _pages: int) -> None:
            steps.append(left)
            assert len(steps) < 1_000, "the copy starts over again and again"
            writer.execute("UPDATE channels SET title = title || ' again'")
            writer.execute("INSERT INTO store_facts VALUES (?, zeroblob(10000))", (str(left),))

        monkeypatch.setattr(copy, "_STEP_PAGES", 1)
        monkeypatch.setattr(copy, "_notice_interrupts", write)
        back_up(database(file), tmp_path / "backup.db")

    assert steps == list(range(len(steps) - 1, -1, -1)), "the copy started over"
    assert len(steps) > 10
    assert rows(tmp_path / "backup.db") == before
    assert rows(file) != before


def test_an_existing_file_is_not_overwritten(file: Path, tmp_path: Path) -> None:
    (tmp_path / "backup.db").write_text("precious")

    with pytest.raises(CannotCopy, match="is there already"):
        back_up(database(file), tmp_path / "backup.db")

    assert (tmp_path / "backup.db").read_text() == "precious"


def test_a_dangling_link_is_not_followed(file: Path, tmp_path: Path) -> None:
    (tmp_path / "backup.db").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(CannotCopy, match="is there already"):
        back_up(database(file), tmp_path / "backup.db")


def test_a_file_that_appears_meanwhile_is_not_overwritten(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(_status: int, _left: int, _pages: int) -> None:
        (tmp_path / "backup.db").write_text("precious")

    monkeypatch.setattr(copy, "_notice_interrupts", write)
    with pytest.raises(CannotCopy, match="is there already"):
        back_up(database(file), tmp_path / "backup.db")

    assert (tmp_path / "backup.db").read_text() == "precious"
    assert names(tmp_path) == ["backup.db", "store"]


def test_an_interrupted_backup_leaves_no_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_status: int, _left: int, _pages: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(copy, "_notice_interrupts", interrupt)
    with pytest.raises(KeyboardInterrupt):
        back_up(database(file), tmp_path / "backup.db")

    assert names(tmp_path) == ["store"]


def test_a_backup_has_the_permissions_of_the_store(file: Path, tmp_path: Path) -> None:
    file.chmod(0o600)

    back_up(database(file), tmp_path / "backup.db")

    assert (tmp_path / "backup.db").stat().st_mode & 0o777 == 0o600


def test_a_missing_database_is_neither_copied_nor_created(tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match="no such file"):
        back_up(database(tmp_path / "tocsin.db"), tmp_path / "backup.db")

    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer"),
        ("DROP TABLE alembic_version", "another program"),
    ],
)
def test_a_database_that_is_no_store_of_this_program_is_not_copied(
    file: Path, tmp_path: Path, change: str, problem: str
) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(change)

    with pytest.raises(CannotOpen, match=problem):
        back_up(database(file), tmp_path / "backup.db")

    assert names(tmp_path) == ["store"]


def test_an_empty_file_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "tocsin.db").touch()

    with pytest.raises(CannotOpen, match="empty"):
        back_up(database(tmp_path / "tocsin.db"), tmp_path / "backup.db")


def test_a_damaged_store_is_not_backed_up(file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.executescript(
            """PRAGMA writable_schema = ON;
               UPDATE sqlite_schema SET sql = sql || ' AND seen_time IS NULL'
               WHERE name = 'ix_notifications_unread'"""
        )

    with pytest.raises(CannotCopy, match="damaged"):
        back_up(database(file), tmp_path / "backup.db")

    assert names(tmp_path) == ["store"]


def test_a_backup_of_postgresql_is_refused_and_names_pg_dump(tmp_path: Path) -> None:
    with pytest.raises(CannotCopy, match="pg_dump"):
        back_up("postgresql+asyncpg://localhost/tocsin", tmp_path / "backup.db")
