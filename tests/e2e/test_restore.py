"""`restore`: a backup replaces the store, and every subscriber starts over."""

import asyncio
import signal
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from shutil import copytree

import grpc
import pytest
from tocsin.v1.inbox_service_pb2 import SubscribePhase, SubscribeRequest, SubscribeResponse
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin_client import AsyncClient

from tests.e2e.commands import AS_ANYBODY, DYING, PROGRAM, complaint_of, run, with_room
from tests.e2e.conftest import StartProgram
from tests.e2e.program import Program
from tests.support.aging import age, examined
from tests.support.serving import database

STEP_SECONDS = 60.0
STEPS_AT_MOST = 60
SNAPSHOT = SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT
REPLAY = SubscribePhase.SUBSCRIBE_PHASE_REPLAY


async def _first(program: Program, user_id: str, cursor: str = "") -> SubscribeResponse:
    """What a stream begins with."""
    async with asyncio.timeout(STEP_SECONDS), grpc.aio.insecure_channel(program.target) as channel:
        request = SubscribeRequest(user_id=user_id, cursor=cursor)
        return await anext(aiter(InboxServiceStub(channel).Subscribe(request)))


async def _titles(program: Program, user_id: str) -> list[str]:
    async with asyncio.timeout(STEP_SECONDS), AsyncClient(program.target) as client:
        return [n.message.title async for n in client.list_notifications(user_id)]


async def _send(program: Program, *titles: str) -> None:
    async with asyncio.timeout(STEP_SECONDS), AsyncClient(program.target) as client:
        for title in titles:
            await client.send("news", title, to="alice")


async def _verb(program: Program, *arguments: str) -> str:
    """Runs a verb while the program runs, and returns its output."""
    command = [*PROGRAM, *arguments, "--database-url", program.database_url]
    ended = await asyncio.to_thread(run, command, program.directory)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


async def test_what_was_backed_up_is_there_again_and_old_cursors_get_a_snapshot(
    start_program: StartProgram,
) -> None:
    program = await start_program()
    async with asyncio.timeout(STEP_SECONDS), AsyncClient(program.target) as client:
        await client.create_channel("news", title="News")
    await _send(program, "one", "two")
    early = (await _first(program, "alice")).cursor
    await _verb(program, "backup", "backup.db")
    await _send(program, "three", "four")
    late = (await _first(program, "alice")).cursor
    assert (await _first(program, "alice", early)).phase == REPLAY
    await program.end(signal.SIGTERM)

    said = await _verb(program, "restore", "backup.db", "--force")

    assert "tocsin.db.old-1" in said
    await program.start()
    assert await _titles(program, "alice") == ["two", "one"]
    await _send(program, "another three", "another four", "another five")
    for cursor in (early, late):
        assert (await _first(program, "alice", cursor)).phase == SNAPSHOT
    cursor = (await _first(program, "alice")).cursor
    assert (await _first(program, "alice", cursor)).phase == REPLAY


async def test_a_file_put_back_by_hand_needs_a_new_epoch(start_program: StartProgram) -> None:
    program = await start_program()
    cursor = (await _first(program, "alice")).cursor
    await program.end(signal.SIGTERM)

    said = await _verb(program, "restore", "--new-epoch")

    assert said == "a new epoch has begun\n"
    await program.start()
    assert (await _first(program, "alice", cursor)).phase == SNAPSHOT


@pytest.mark.parametrize("arguments", [("backup.db", "--force"), ("--new-epoch",)])
async def test_a_store_that_a_server_uses_is_left_alone(
    start_program: StartProgram, arguments: Sequence[str]
) -> None:
    program = await start_program()
    await _verb(program, "backup", "backup.db")
    command = [*PROGRAM, "restore", *arguments, "--database-url", program.database_url]

    complaint = complaint_of(command, program.directory)

    assert "stop the server" in complaint or "a server uses it" in complaint
    cursor = (await _first(program, "alice")).cursor
    assert (await _first(program, "alice", cursor)).phase == REPLAY


@pytest.mark.parametrize("arguments", [(), ("backup.db", "--new-epoch")])
def test_a_file_and_a_new_epoch_exclude_each_other(
    tmp_path: Path, arguments: Sequence[str]
) -> None:
    assert "--new-epoch" in complaint_of([*PROGRAM, "restore", *arguments], tmp_path)


@pytest.fixture
async def place(tmp_path: Path) -> Path:
    """A folder with a backup, and a store that has changed since: in its log alone."""
    place = tmp_path / "place"
    place.mkdir()
    await age(place / "tocsin.db", rounds=1)
    ended = run([*PROGRAM, "backup", "backup.db"], place)
    assert ended.returncode == 0, ended.stderr
    with closing(sqlite3.connect(place / "tocsin.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("UPDATE channels SET title = 'old'")
        copytree(place, tmp_path / "as left", ignore=lambda *_: ["tocsin.db-shm"])
    return tmp_path / "as left"


def _stands(file: Path) -> tuple[int, bool]:
    """A store's epoch, and whether it is the old one."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        ((epoch,),) = connection.execute("SELECT value FROM store_facts WHERE name = 'epoch'")
        titles = {title for (title,) in connection.execute("SELECT title FROM channels")}
    return int(epoch), titles == {"old"}


def test_killed_at_any_step_it_leaves_the_old_store_or_the_new_one_whole(
    place: Path, tmp_path: Path
) -> None:
    epoch, _ = _stands(place / "backup.db")
    ends: list[bool] = []
    for step in count(1):
        assert step <= STEPS_AT_MOST
        folder = tmp_path / f"step-{step}"
        copytree(place, folder)
        restore = ["restore", str(folder / "backup.db"), "--force"]
        command = [*DYING, "SIGKILL", str(step), str(folder), *restore]
        ended = run([*command, "--database-url", database(folder / "tocsin.db")], tmp_path)

        found, old = _stands(folder / "tocsin.db")

        assert (found == epoch) is old, "the old one keeps its epoch, the new one has its own"
        assert examined(folder / "tocsin.db") == []
        ends.append(old)
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert len(ends) > 15
    assert sorted(ends, reverse=True) == ends, "never back from the new one to the old one"
    assert ends[0]
    assert not ends[-1]


@pytest.mark.parametrize("kibibytes", [0, 64])
def test_a_full_disk_leaves_the_store_as_it_was(place: Path, kibibytes: int) -> None:
    restore = [*PROGRAM, "restore", "backup.db", "--force"]

    complaint_of(with_room(restore, kibibytes), place)

    assert _stands(place / "tocsin.db")[1]
    assert {path.name for path in place.iterdir()} <= {"backup.db", "tocsin.db", "tocsin.db-wal"}


def test_a_folder_that_may_not_be_written_is_refused(place: Path) -> None:
    for path in (place, *place.iterdir()):
        path.chmod(0o555)

    complaint = complaint_of([*AS_ANYBODY, *PROGRAM, "restore", "backup.db", "--force"], place)

    assert "tocsin.db" in complaint
