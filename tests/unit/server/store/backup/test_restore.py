import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copyfile
from unittest.mock import patch

import pytest
from tocsin_server.domain.model.retention import Retention
from tocsin_server.live.hub import Hub
from tocsin_server.store.backup import restore as restoring
from tocsin_server.store.backup.copy import CannotCopy, back_up, copy
from tocsin_server.store.backup.restore import begin_new_epoch, restore
from tocsin_server.store.engine.driver_errors import CannotOpen
from tocsin_server.store.store import SqlStore

from tests.support.aging import age, examined
from tests.support.clocks import SetClock
from tests.support.serving import database


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("aged") / "tocsin.db"
    asyncio.run(age(file, rounds=1))
    return file


@pytest.fixture
def backup(aged: Path, tmp_path: Path) -> Path:
    """A backup, in a folder of its own."""
    folder = tmp_path / "backups"
    folder.mkdir()
    back_up(database(aged), folder / "backup.db")
    return folder / "backup.db"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path of the store, in a folder of its own."""
    folder = tmp_path / "store"
    folder.mkdir()
    return folder / "tocsin.db"


@pytest.fixture
def old(aged: Path, file: Path) -> Path:
    """A store that a killed server left: it changed after the backup, only in its log."""
    copyfile(aged, file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("UPDATE channels SET title = 'old'")
        log = file.with_name("tocsin.db-wal").read_bytes()
        data = file.read_bytes()
    file.write_bytes(data)
    file.with_name("tocsin.db-wal").write_bytes(log)
    return file


def epoch(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        ((value,),) = connection.execute("SELECT value FROM store_facts WHERE name = 'epoch'")
        return int(value)


def titles(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {title for (title,) in connection.execute("SELECT title FROM channels")}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def served(file: Path) -> Iterator[None]:
    """A store that is open as a server opens it."""

    async def open_store() -> SqlStore:
        store = await SqlStore.open(database(file), Hub(1), SetClock(), Retention())
        await store.channels.list_channels("default", "", 1)
        return store

    with asyncio.Runner() as runner:
        store = runner.run(open_store())
        try:
            yield
        finally:
            runner.run(store.close())


def test_a_backup_is_restored_where_no_store_exists(backup: Path, file: Path) -> None:
    kept = restore(database(file), backup, force=False)

    assert kept is None
    assert names(file.parent) == ["tocsin.db"]
    assert epoch(file) != epoch(backup)
    assert titles(file) == titles(backup)
    assert examined(file) == []


def test_a_restore_does_not_change_the_backup(backup: Path, file: Path) -> None:
    before = backup.read_bytes()

    restore(database(file), backup, force=False)

    assert backup.read_bytes() == before
    assert names(backup.parent) == ["backup.db"]


def test_two_stores_from_one_backup_have_different_epochs(
    backup: Path, file: Path, tmp_path: Path
) -> None:
    restore(database(file), backup, force=False)
    restore(database(tmp_path / "other.db"), backup, force=False)

    assert epoch(file) != epoch(tmp_path / "other.db")


def test_an_existing_store_is_not_replaced_without_force(backup: Path, old: Path) -> None:
    with pytest.raises(CannotCopy, match="--force"):
        restore(database(old), backup, force=False)

    assert titles(old) == {"old"}


def test_no_server_starts_while_a_store_is_replaced(backup: Path, old: Path) -> None:
    def start_and_copy(source: Path, target: Path) -> None:
        with pytest.raises(CannotOpen, match="`restore` replaces it"), served(old):
            pass
        copy(source, target)

    with patch.object(restoring, "copy", start_and_copy):
        restore(database(old), backup, force=True)

    assert titles(old) == titles(backup)


def test_a_replaced_store_is_kept_with_the_content_of_its_log(backup: Path, old: Path) -> None:
    was = epoch(backup)

    kept = restore(database(old), backup, force=True)

    assert kept == old.with_name("tocsin.db.old-1")
    assert names(old.parent) == ["tocsin.db", "tocsin.db.old-1"]
    assert titles(kept) == {"old"}
    assert epoch(kept) == was
    assert titles(old) == titles(backup) != {"old"}


def test_every_replaced_store_is_kept(backup: Path, old: Path) -> None:
    first = restore(database(old), backup, force=True)
    second = restore(database(old), backup, force=True)

    assert [first, second] == [old.with_name(f"tocsin.db.old-{number}") for number in (1, 2)]
    assert first is not None
    assert titles(first) == {"old"}


def test_the_name_from_an_interrupted_restore_is_used_again(backup: Path, old: Path) -> None:
    os.link(old, old.with_name("tocsin.db.old-1"))

    kept = restore(database(old), backup, force=True)

    assert kept == old.with_name("tocsin.db.old-1")
    assert names(old.parent) == ["tocsin.db", "tocsin.db.old-1"]


def test_a_log_without_its_database_is_not_applied_to_the_new_one(backup: Path, old: Path) -> None:
    old.unlink()
    with pytest.raises(CannotCopy, match=r"tocsin\.db-wal is there already"):
        restore(database(old), backup, force=False)

    kept = restore(database(old), backup, force=True)

    assert kept == old.with_name("tocsin.db.old-1")
    assert names(old.parent) == ["tocsin.db", "tocsin.db.old-1-wal"]
    assert titles(old) == titles(backup)


def test_a_damaged_store_is_replaced_and_kept_with_its_log(backup: Path, old: Path) -> None:
    log = old.with_name("tocsin.db-wal").read_bytes()
    old.write_bytes(b"not a database " * 1000)

    kept = restore(database(old), backup, force=True)

    assert kept is not None
    assert kept.read_bytes() == b"not a database " * 1000
    assert names(old.parent) == ["tocsin.db", "tocsin.db.old-1", "tocsin.db.old-1-wal"]
    assert kept.with_name("tocsin.db.old-1-wal").read_bytes() == log
    assert titles(old) == titles(backup)


def test_a_store_in_use_is_not_replaced(backup: Path, old: Path) -> None:
    with served(old), pytest.raises(CannotCopy, match="in use"):
        restore(database(old), backup, force=True)

    assert titles(old) == {"old"}
    assert names(old.parent) == ["tocsin.db"]


def test_a_new_epoch_is_refused_while_a_server_uses_the_store(old: Path) -> None:
    before = epoch(old)

    with served(old), pytest.raises(CannotOpen, match="a server uses it"):
        begin_new_epoch(database(old))

    assert epoch(old) == before


def test_a_new_epoch_changes_nothing_else(old: Path) -> None:
    before = epoch(old)

    begin_new_epoch(database(old))

    assert epoch(old) != before
    assert titles(old) == {"old"}
    assert examined(old) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer"),
        ("DROP TABLE alembic_version", "another program"),
    ],
)
def test_a_file_that_is_no_backup_of_this_program_is_refused(
    backup: Path, old: Path, change: str, problem: str
) -> None:
    with closing(sqlite3.connect(backup, isolation_level=None)) as connection:
        connection.execute(change)

    with pytest.raises(CannotOpen, match=problem):
        restore(database(old), backup, force=True)

    assert titles(old) == {"old"}
    assert names(old.parent) == ["tocsin.db"]


def test_a_missing_backup_is_refused(old: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match="no such file"):
        restore(database(old), tmp_path / "nowhere.db", force=True)

    assert titles(old) == {"old"}


def test_a_store_is_not_restored_from_itself(old: Path) -> None:
    with pytest.raises(CannotCopy, match="is the database itself"):
        restore(database(old), old, force=True)


def test_a_link_to_a_store_stays_and_its_target_is_replaced(
    backup: Path, old: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(old)

    restore(database(link), backup, force=True)

    assert link.is_symlink()
    assert titles(old) == titles(backup)


def test_the_new_store_has_the_permissions_of_the_old_one(backup: Path, old: Path) -> None:
    old.chmod(0o640)

    restore(database(old), backup, force=True)

    assert old.stat().st_mode & 0o777 == 0o640
