"""`doctor`, with a server and without: its output and exit codes."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.commands import PROGRAM, complaint_of, run
from tests.e2e.conftest import StartProgram
from tests.e2e.traffic import flowing
from tests.histories.validating import validate
from tests.support.aging import age

STEP_SECONDS = 120.0
DOCTOR = (*PROGRAM, "doctor")


@pytest.fixture
async def place(tmp_path: Path) -> Path:
    """A folder with a store that has a past."""
    await age(tmp_path / "tocsin.db", rounds=2)
    return tmp_path


def spoil(place: Path, fault: str) -> None:
    with closing(sqlite3.connect(place / "tocsin.db", isolation_level=None)) as connection:
        connection.execute(fault)


async def test_what_is_written_meanwhile_is_no_finding(
    start_program: StartProgram, tmp_path: Path
) -> None:
    program = await start_program()

    async with flowing(program.target, seed=72) as traffic:
        for repair in ("", "--repair", "", "--repair", ""):
            await traffic.go_on(40, STEP_SECONDS)
            command = [*DOCTOR, *filter(None, [repair])]

            ended = await asyncio.to_thread(run, command, tmp_path)

            assert ended.returncode == 0, ended.stdout
            assert ended.stdout.endswith(" 0 findings, 0 repaired\n")
        await traffic.finish(STEP_SECONDS)

    assert not validate(traffic.history)


def test_a_sound_store_ends_with_0_and_a_summary(place: Path) -> None:
    ended = run(DOCTOR, place)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "3 inboxes, 24 notifications, 0 findings, 0 repaired\n"


def test_a_finding_is_a_line_and_ends_with_1(place: Path) -> None:
    spoil(place, "UPDATE inboxes SET total_count = 99 WHERE user_id = 'bob'")

    ended = run(DOCTOR, place)

    assert ended.returncode == 1
    finding, summary = ended.stdout.splitlines()
    assert finding == (
        "counters: inbox default/bob: found 99 total, 6 unread, 1 unseen,"
        " expected 6 total, 6 unread, 1 unseen"
    )
    assert summary.endswith("1 findings, 0 repaired")


def test_a_repair_of_all_ends_with_0_and_there_is_nothing_left(place: Path) -> None:
    spoil(place, "UPDATE inboxes SET total_count = 99 WHERE user_id = 'bob'")

    repaired = run([*DOCTOR, "--repair"], place)
    again = run(DOCTOR, place)

    assert repaired.returncode == 0
    assert repaired.stdout.splitlines()[0].endswith("; repaired")
    assert repaired.stdout.endswith("1 findings, 1 repaired\n")
    assert again.returncode == 0


def test_a_repair_that_leaves_something_ends_with_1(place: Path) -> None:
    spoil(place, "DELETE FROM channels WHERE channel_id = 'news'")

    assert run([*DOCTOR, "--repair"], place).returncode == 1


def test_every_line_of_json_is_an_object(place: Path) -> None:
    spoil(place, "UPDATE inboxes SET total_count = 99 WHERE user_id = 'bob'")

    ended = run(DOCTOR, place, TOCSIN_DOCTOR_JSON="true")

    finding, summary = map(json.loads, ended.stdout.splitlines())
    assert finding == {
        "kind": "counters",
        "where": "inbox default/bob",
        "found": "99 total, 6 unread, 1 unseen",
        "expected": "6 total, 6 unread, 1 unseen",
        "repaired": False,
    }
    assert summary == {"inboxes": 3, "notifications": 24, "findings": 1, "repaired": 0}


def test_a_store_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    complaint = complaint_of(DOCTOR, tmp_path)

    assert "no such file" in complaint
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tocsin.db").write_text("name,phone\n" * 1_000)

    assert "tocsin.db" in complaint_of(DOCTOR, tmp_path)


def test_a_stdout_that_takes_nothing_is_an_error(place: Path) -> None:
    ended = run(["bash", "-c", f"{' '.join(DOCTOR)} > /dev/full"], place)

    assert ended.returncode == 2
    assert ended.stderr == "tocsin-server: cannot write to stdout: No space left on device\n"
