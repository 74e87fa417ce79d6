import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from fcntl import flock
from pathlib import Path
from unittest.mock import patch

import pytest
from tocsin_server.store.engine import file_lock
from tocsin_server.store.engine.file_lock import FileLock, Served, is_locked, lock

EXCLUSIVE = (
    "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA journal_mode=DELETE')"
)
"""Fails as long as another process has the database open."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tocsin.db"


@pytest.fixture
def held(file: Path) -> Iterator[FileLock]:
    taken = lock(file)
    assert taken is not None
    yield taken
    taken.close()


def test_a_missing_file_is_created_empty(held: FileLock, file: Path) -> None:
    assert file.stat().st_size == 0


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "other path", "same path"])
def test_a_file_is_locked_once_under_all_its_names(file: Path, kind: str) -> None:
    name = file.with_name("other.db")
    match kind:
        case "symbolic link":
            name.symlink_to(file)
        case "hard link":
            name.hardlink_to(file)
        case "other path":
            name = file.parent / ".." / file.parent.name / file.name
        case _:
            name = file

    with pytest.raises(Served):
        lock(name)


def test_another_file_is_not_locked(held: FileLock, file: Path) -> None:
    other = lock(file.with_name("other.db"))

    assert other is not None
    other.close()


def test_a_lock_that_was_released_is_free_although_a_child_has_the_descriptor(file: Path) -> None:
    first = lock(file)
    assert first is not None
    of_a_child = os.dup(first._descriptor)

    first.close()

    second = lock(file)
    assert second is not None
    second.close()
    os.close(of_a_child)


def test_programs_that_are_started_do_not_get_the_descriptor(held: FileLock) -> None:
    assert not os.get_inheritable(held._descriptor)


@pytest.mark.usefixtures("held")
def test_a_refusal_leaves_sqlite_its_locks(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE names (name)")
        with pytest.raises(Served):
            lock(file)

        ended = subprocess.run(
            [sys.executable, "-c", EXCLUSIVE, file], capture_output=True, text=True, check=False
        )

    assert "database is locked" in ended.stderr


def test_a_file_that_is_replaced_before_it_is_locked_is_opened_again(file: Path) -> None:
    new = file.with_name("new.db")
    new.write_text("new")

    def replace_first(descriptor: int, operation: int) -> None:
        if new.exists():
            new.replace(file)
        flock(descriptor, operation)

    with patch.object(file_lock, "flock", replace_first):
        taken = lock(file)

    assert taken is not None
    assert os.read(taken._descriptor, 9) == b"new"
    taken.close()


def test_nothing_is_locked_where_sqlite_would_wait_for_the_lock(file: Path) -> None:
    with patch.object(file_lock, "SEES_NO_POSIX_LOCKS", new=False):
        assert lock(file) is None

    assert not file.exists()


def test_whether_a_file_is_locked_is_seen_from_any_process(held: FileLock, file: Path) -> None:
    ask = "import sys; from pathlib import Path; from tocsin_server.store.engine.file_lock import *"
    script = f"{ask}; sys.exit(is_locked(Path(sys.argv[1])))"

    elsewhere = subprocess.run([sys.executable, "-c", script, file], check=False).returncode

    assert (is_locked(file), elsewhere) == (True, 1)


def test_a_file_that_was_released_is_not_locked(file: Path) -> None:
    taken = lock(file)
    assert taken is not None
    taken.close()

    assert not is_locked(file)


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lock(tmp_path / "missing" / "tocsin.db")
