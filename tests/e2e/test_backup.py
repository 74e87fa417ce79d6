"""`backup`, of a store that a server is writing to."""

import asyncio
import os
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from tocsin_server.store.backup.copy import back_up

from tests.e2e.commands import AS_ANYBODY, DYING, PROGRAM, complaint_of, run, with_room
from tests.e2e.conftest import StartProgram
from tests.e2e.senders import CHANNELS
from tests.e2e.traffic import flowing
from tests.histories.recording import History
from tests.histories.validating import validate
from tests.support.aging import age, examined
from tests.support.serving import database

STEP_SECONDS = 120.0
STEPS_AT_MOST = 40


def acknowledged(history: History) -> set[str]:
    """The ids of the messages that were acknowledged so far, in channels that are not deleted."""
    return {
        answer.message_id
        for send in history.sends.values()
        if send.channel_id in CHANNELS
        for answer in send.answers
    }


def messages(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {
            message_id for (message_id,) in connection.execute("SELECT message_id FROM messages")
        }


def _backup(store: Path, file: Path) -> list[str]:
    return [*PROGRAM, "backup", str(file), "--database-url", database(store)]


async def test_a_backup_under_load_is_whole_and_has_all_that_was_acknowledged_before(
    start_program: StartProgram, tmp_path: Path
) -> None:
    program = await start_program()

    async with flowing(program.target, seed=71) as traffic:
        for number in range(3):
            await traffic.go_on(60, STEP_SECONDS)
            before = acknowledged(traffic.history)
            file = tmp_path / f"backup-{number}.db"

            ended = await asyncio.to_thread(run, _backup(tmp_path / "tocsin.db", file), tmp_path)

            assert (ended.returncode, ended.stderr) == (0, "")
            assert str(file) in ended.stdout
            assert before <= messages(file)
            assert examined(file) == []
        await traffic.go_on(20, STEP_SECONDS)
        await traffic.finish(STEP_SECONDS)

    assert not validate(traffic.history)
    assert acknowledged(traffic.history) - messages(tmp_path / "backup-2.db")
    assert '"level": "ERROR"' not in program.log


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """A store without a server, in a folder of its own."""
    folder = tmp_path / "store"
    folder.mkdir()
    await age(folder / "tocsin.db", rounds=1)
    return folder / "tocsin.db"


@pytest.mark.parametrize("kibibytes", [0, 64])
def test_a_full_disk_leaves_nothing_behind(store: Path, tmp_path: Path, kibibytes: int) -> None:
    command = with_room(_backup(store, tmp_path / "backup.db"), kibibytes)

    complaint = complaint_of(command, tmp_path)

    assert "disk" in complaint
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_stopped_at_any_step_it_leaves_nothing_behind_or_the_whole(
    store: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for step in count(1):
        assert step <= STEPS_AT_MOST
        backup = ["backup", str(folder / "backup.db"), "--database-url", database(store)]
        ended = run([*DYING, "SIGTERM", str(step), str(folder), *backup], tmp_path)

        left = [path.name for path in folder.iterdir()]

        if ended.returncode == 0:
            break
        assert (ended.returncode, ended.stderr.strip()) == (130, "")
        assert left in ([], ["backup.db"])
        (folder / "backup.db").unlink(missing_ok=True)
    assert step > 5
    assert left == ["backup.db"]


def test_a_folder_that_may_not_be_written_is_refused(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o555)

    complaint = complaint_of([*AS_ANYBODY, *_backup(store, folder / "backup.db")], tmp_path)

    assert "Permission denied" in complaint
    assert str(folder / "backup.db") in complaint


def test_a_folder_that_is_not_there_is_refused(store: Path, tmp_path: Path) -> None:
    complaint = complaint_of(_backup(store, tmp_path / "nowhere" / "backup.db"), tmp_path)

    assert "No such file or directory" in complaint


def test_a_file_that_is_there_is_refused(store: Path, tmp_path: Path) -> None:
    (tmp_path / "backup.db").touch()

    complaint = complaint_of(_backup(store, tmp_path / "backup.db"), tmp_path)

    assert "is there already" in complaint


def test_a_store_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    complaint = complaint_of(_backup(tmp_path / "tocsin.db", tmp_path / "backup.db"), tmp_path)

    assert str(tmp_path / "tocsin.db") in complaint
    assert list(tmp_path.iterdir()) == []


def test_a_postgresql_database_is_refused_in_one_line(tmp_path: Path) -> None:
    url = "postgresql+asyncpg://localhost/tocsin"

    complaint = complaint_of([*PROGRAM, "backup", "backup.db"], tmp_path, TOCSIN_DATABASE_URL=url)

    assert "pg_dump" in complaint


def test_a_backup_is_on_disk_before_it_has_its_name(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[tuple[str, str]] = []
    fsync, link = os.fsync, os.link

    def see_sync(opened: int) -> None:
        happened.append(("sync", Path(f"/proc/self/fd/{opened}").readlink().name))
        fsync(opened)

    def see_link(made: Path, file: Path) -> None:
        happened.append((made.name, file.name))
        link(made, file)

    monkeypatch.setattr(os, "fsync", see_sync)
    monkeypatch.setattr(os, "link", see_link)

    back_up(database(store), tmp_path / "backup.db")

    ((_, synced), (made, named), (_, folder)) = happened
    assert (synced, named, folder) == (made, "backup.db", tmp_path.name)
