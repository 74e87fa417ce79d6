"""The doctor finds and names every fault of a store; a repaired store has no fault."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy import Connection
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.retention import Retention
from tocsin_server.live.hub import Hub
from tocsin_server.store.doctor import inbox_checks, repair, row_checks
from tocsin_server.store.doctor.examine import examine
from tocsin_server.store.doctor.findings import Finding, Kind
from tocsin_server.store.engine.driver_errors import CannotOpen
from tocsin_server.store.store import SqlStore

from tests.contract.reading import all_notifications
from tests.support.aging import USERS, age, examined
from tests.support.clocks import SetClock
from tests.support.serving import database
from tests.support.views import View

ALICES = "(SELECT inbox_id FROM inboxes WHERE user_id = 'alice')"
ALIVE = f"inbox_id = {ALICES} AND remove_time IS NULL"
FIRST = f"""{ALIVE} AND arrive_revision
    = (SELECT min(arrive_revision) FROM notifications WHERE {ALIVE})"""
A_TOMBSTONE = f"""inbox_id = {ALICES} AND arrive_revision = (SELECT min(arrive_revision)
    FROM notifications WHERE inbox_id = {ALICES} AND remove_time IS NOT NULL)"""
A_MARK = f"inbox_id = {ALICES} AND revision = (SELECT max(revision) FROM marks WHERE inbox_id = {ALICES})"
A_SEND = "(SELECT sequence FROM messages WHERE channel_id = 'news' ORDER BY sequence DESC LIMIT 1)"
INBOX = "inbox default/alice"

REPAIRED: Sequence[tuple[str, Kind, str, str]] = (
    (
        "the counters of an inbox",
        Kind.COUNTERS,
        INBOX,
        f"UPDATE inboxes SET unread_count = unread_count + 3 WHERE inbox_id = {ALICES}",
    ),
    (
        "the counters of a channel",
        Kind.CHANNEL_COUNTERS,
        f"{INBOX} channel news",
        f"""UPDATE inbox_channels SET total_count = total_count - 1, unseen_count = 99
            WHERE inbox_id = {ALICES} AND channel_id = 'news'""",
    ),
    (
        "counters of a channel without notifications in the inbox",
        Kind.CHANNEL_COUNTERS,
        f"{INBOX} channel elsewhere",
        f"INSERT INTO inbox_channels VALUES ({ALICES}, 'elsewhere', 1, 1, 1)",
    ),
    (
        "missing counters of a channel",
        Kind.CHANNEL_COUNTERS,
        f"{INBOX} channel offers",
        f"DELETE FROM inbox_channels WHERE inbox_id = {ALICES} AND channel_id = 'offers'",
    ),
    (
        "a head behind its rows",
        Kind.HEAD,
        INBOX,
        f"UPDATE inboxes SET revision = 5, oldest_revision = 0 WHERE inbox_id = {ALICES}",
    ),
    (
        "a head behind its marks",
        Kind.HEAD,
        INBOX,
        f"INSERT INTO marks VALUES ({ALICES}, 5000, NULL, 7, 1, NULL, 1)",
    ),
    (
        "an oldest revision ahead of the head",
        Kind.OLDEST_REVISION,
        INBOX,
        f"UPDATE inboxes SET oldest_revision = revision + 1 WHERE inbox_id = {ALICES}",
    ),
    (
        "a change before the arrival",
        Kind.REVISION,
        INBOX,
        f"UPDATE notifications SET revision = arrive_revision - 1 WHERE {FIRST}",
    ),
    (
        "a change at another's arrival",
        Kind.REVISION_TWICE,
        INBOX,
        f"""UPDATE notifications SET revision = (SELECT max(arrive_revision) FROM notifications
            WHERE {ALIVE}) WHERE {FIRST}""",
    ),
    (
        "a mark at an arrival",
        Kind.REVISION_TWICE,
        INBOX,
        f"""INSERT INTO marks SELECT inbox_id, arrive_revision, NULL, 0, 1, NULL, 1
            FROM notifications WHERE {FIRST}""",
    ),
    (
        "a mark at a change",
        Kind.REVISION_TWICE,
        INBOX,
        f"""INSERT INTO marks SELECT inbox_id, max(revision), NULL, 0, 1, NULL, 1
            FROM notifications WHERE inbox_id = {ALICES} AND revision <> arrive_revision
            GROUP BY inbox_id""",
    ),
    (
        "a mark of later arrivals",
        Kind.MARK,
        INBOX,
        f"UPDATE marks SET up_to_revision = revision WHERE {A_MARK}",
    ),
    (
        "a mark of nothing",
        Kind.MARK,
        INBOX,
        f"UPDATE marks SET read = NULL, seen = NULL WHERE {A_MARK}",
    ),
    (
        "a notification read and not seen",
        Kind.STATE,
        INBOX,
        f"UPDATE notifications SET read_time = 7, seen_time = NULL WHERE {FIRST}",
    ),
    (
        "a tombstone without its message's id",
        Kind.TOMBSTONE,
        INBOX,
        f"UPDATE notifications SET message_id = NULL WHERE {A_TOMBSTONE}",
    ),
    (
        "a tombstone without a revision of its own",
        Kind.TOMBSTONE,
        INBOX,
        f"UPDATE notifications SET revision = arrive_revision WHERE {A_TOMBSTONE}",
    ),
    (
        "a notification in another channel than its message",
        Kind.CHANNEL,
        INBOX,
        f"UPDATE notifications SET channel_id = 'offers' WHERE {ALIVE} AND channel_id = 'news'",
    ),
    (
        "a notification of another tenant's message",
        Kind.TENANT,
        INBOX,
        f"""UPDATE messages SET tenant = 'another' WHERE sequence = {A_SEND};
            INSERT INTO channels SELECT 'another', channel_id, type, title, description, labels,
            etag, create_time, update_time, NULL FROM channels WHERE channel_id = 'news';
            DELETE FROM idempotency""",
    ),
    (
        "a notification without its message",
        Kind.NO_MESSAGE,
        INBOX,
        f"DELETE FROM messages WHERE sequence = {A_SEND}",
    ),
    (
        "notifications, marks and counters without their inbox",
        Kind.NO_INBOX,
        "inbox number",
        f"UPDATE inboxes SET inbox_id = 5000 WHERE inbox_id = {ALICES}; DELETE FROM idempotency",
    ),
    (
        "a job for a channel that stays",
        Kind.JOB,
        "job 1 (delete channel default/news)",
        "INSERT INTO jobs VALUES (1, 'default', 'delete channel', 'news', '', 1, 0)",
    ),
    (
        "a job for a channel that is gone",
        Kind.JOB,
        "job 1 (delete channel default/gone)",
        "INSERT INTO jobs VALUES (1, 'default', 'delete channel', 'gone', '', 1, 0)",
    ),
    (
        "a deletion without a job",
        Kind.NO_JOB,
        "channel default/news",
        "UPDATE channels SET delete_time = 7 WHERE channel_id = 'news'",
    ),
)

NOT_REPAIRED: Sequence[tuple[str, Kind, str, str]] = (
    (
        "messages without their channel",
        Kind.NO_CHANNEL,
        "channel default/news",
        "DELETE FROM channels WHERE channel_id = 'news'",
    ),
    (
        "a missing copy",
        Kind.COPIES,
        "request default/anonymous/SendMessage/request-5-3",
        f"DELETE FROM notifications WHERE inbox_id = {ALICES} AND sequence = {A_SEND}",
    ),
    (
        "an answer that cannot be read",
        Kind.ANSWER,
        "request default/anonymous/SendMessage/request-5-3",
        "UPDATE idempotency SET answer = '[]' WHERE request_id = 'request-5-3'",
    ),
    (
        "a job of an unknown kind",
        Kind.JOB,
        "job 1 (make coffee default/news)",
        "INSERT INTO jobs VALUES (1, 'default', 'make coffee', 'news', '', 1, 0)",
    ),
    (
        "a job that failed",
        Kind.JOB,
        "job 1 (delete channel default/news)",
        """UPDATE channels SET delete_time = 7 WHERE channel_id = 'news';
           INSERT INTO jobs VALUES (1, 'default', 'delete channel', 'news', '', 1, 60)""",
    ),
    (
        "an index without an entry",
        Kind.DATABASE,
        "the file",
        """PRAGMA writable_schema = ON;
           UPDATE sqlite_schema SET sql = sql || ' AND seen_time IS NULL'
           WHERE name = 'ix_notifications_unread'""",
    ),
)


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a history, and no fault."""
    file = tmp_path_factory.mktemp("aged") / "tocsin.db"
    asyncio.run(age(file))
    return file


@pytest.fixture
def file(aged: Path, tmp_path: Path) -> Path:
    """A copy of that store, for one test."""
    return Path(copyfile(aged, tmp_path / "tocsin.db"))


def seed(file: Path, fault: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(fault)


async def read_inbox(file: Path, user_id: str) -> tuple[int, View, object]:
    """An inbox as its user sees it: its revision, its notifications, and its counters."""
    store = await SqlStore.open(database(file), Hub(1), SetClock(), Retention())
    key = InboxKey("default", user_id)
    head = await store.inboxes.read_head(key, 1)
    view = View().take(await all_notifications(store, key))
    await store.close()
    return head.inbox.revision, view, (head.inbox.counters, list(head.channel_counters))


def incarnations(file: Path) -> dict[str, tuple[int, int, int]]:
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            "SELECT user_id, incarnation, revision, oldest_revision FROM inboxes"
        )
        return {user_id: tuple(rest) for user_id, *rest in rows}


def test_a_store_with_a_history_has_no_fault(file: Path) -> None:
    seen: list[Finding] = []

    inboxes, notifications = examine(database(file), seen.append, repair=False)

    assert seen == []
    assert inboxes == len(USERS)
    with closing(sqlite3.connect(file)) as connection:
        ((rows, tombstones),) = connection.execute(
            "SELECT count(*), count(remove_time) FROM notifications"
        )
        ((marks,),) = connection.execute("SELECT count(*) FROM marks")
        ((answers,),) = connection.execute("SELECT count(*) FROM idempotency")
    assert notifications == rows
    assert min(tombstones, marks, answers) > 0, "it has no history"


async def test_a_repair_of_a_store_without_a_fault_changes_nothing(file: Path) -> None:
    before = incarnations(file)

    assert examined(file, repair=True) == []

    assert incarnations(file) == before


@pytest.mark.parametrize(
    ("kind", "where", "fault"),
    [each[1:] for each in (*REPAIRED, *NOT_REPAIRED)],
    ids=[each[0] for each in (*REPAIRED, *NOT_REPAIRED)],
)
def test_a_fault_is_found_and_named(file: Path, kind: Kind, where: str, fault: str) -> None:
    seed(file, fault)

    findings = examined(file)

    assert [f for f in findings if f.kind is kind and f.where.startswith(where)], findings
    assert not any(finding.repaired for finding in findings)
    assert examined(file) == findings


@pytest.mark.parametrize(
    ("kind", "fault"),
    [(kind, fault) for _, kind, _, fault in REPAIRED],
    ids=[name for name, *_ in REPAIRED],
)
async def test_a_repaired_store_has_no_fault(file: Path, kind: Kind, fault: str) -> None:
    seed(file, fault)

    findings = examined(file, repair=True)

    assert findings
    assert all(finding.repaired for finding in findings)
    assert examined(file) == []
    for user_id in USERS:
        _, view, counters = await read_inbox(file, user_id)
        assert counters == (view.counters(), view.channel_counters())


@pytest.mark.parametrize(
    ("kind", "fault"),
    [(kind, fault) for _, kind, _, fault in NOT_REPAIRED],
    ids=[name for name, *_ in NOT_REPAIRED],
)
def test_a_fault_that_cannot_be_repaired_is_left_and_reported_again(
    file: Path, kind: Kind, fault: str
) -> None:
    seed(file, fault)
    before = examined(file)

    findings = examined(file, repair=True)

    assert [finding for finding in findings if finding.kind is kind and not finding.repaired]
    assert [f for f in findings if not f.repaired] == [f for f in before if f.kind is kind]
    assert [f for f in examined(file) if f.kind is kind] == [f for f in before if f.kind is kind]


def test_a_repaired_inbox_takes_a_new_incarnation_and_its_next_revision(file: Path) -> None:
    before = incarnations(file)
    seed(file, REPAIRED[0][3])

    examined(file, repair=True)

    after = incarnations(file)
    incarnation, revision, _ = before["alice"]
    assert after["alice"][0] != incarnation
    assert after["alice"][1:] == (revision + 1, revision + 1)
    assert after["bob"] == before["bob"]


def test_more_rows_than_one_transaction_repairs_are_repaired(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_checks, "SOME_ROWS", 2)
    seed(file, f"UPDATE notifications SET read_time = 7, seen_time = NULL WHERE {ALIVE}")

    findings = examined(file, repair=True)

    (many,) = [finding.found for finding in findings if finding.kind is Kind.STATE]
    assert int(many.split()[0]) > 4
    assert all(finding.repaired for finding in findings)
    assert examined(file) == []


def test_small_pages_of_inboxes_find_the_same_as_one_page(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(file, "UPDATE inboxes SET total_count = 0; UPDATE inbox_channels SET unread_count = 77")
    whole = examined(file)

    with monkeypatch.context() as patch:
        patch.setattr(inbox_checks.check_inboxes, "__defaults__", (1,))
        paged = examined(file)

    assert paged == whole
    assert {finding.where for finding in whole} >= {f"inbox default/{user}" for user in USERS}


def test_an_inbox_that_changes_meanwhile_is_checked_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(file, REPAIRED[0][3])
    seen: list[int] = []

    def check(connection: Connection, inbox_id: int) -> object:
        checked = original(connection, inbox_id)
        seen.append(incarnations(file)["alice"][0])
        if len(seen) == 1:  # a notification is marked as unread before the repair
            seed(
                file,
                f"""UPDATE inboxes SET revision = revision + 1, unread_count = unread_count + 1
                        WHERE inbox_id = {ALICES};
                    UPDATE inbox_channels SET unread_count = unread_count + 1
                        WHERE inbox_id = {ALICES} AND channel_id = 'news';
                    UPDATE notifications SET read_time = NULL, revision
                        = (SELECT revision FROM inboxes WHERE user_id = 'alice')
                        WHERE {ALIVE} AND channel_id = 'news' AND read_time IS NOT NULL
                        AND arrive_revision = (SELECT min(arrive_revision) FROM notifications
                            WHERE {ALIVE} AND channel_id = 'news' AND read_time IS NOT NULL)""",
            )
        return checked

    original = repair._check
    monkeypatch.setattr(repair, "_check", check)

    (finding,) = examined(file, repair=True)

    assert finding.repaired
    stale, changed, *_, repaired = seen
    assert stale == changed != repaired
    assert examined(file) == []


def test_copies_that_a_channel_deletion_removed_are_not_missing(file: Path) -> None:
    seed(
        file,
        f"""UPDATE channels SET delete_time = 7 WHERE channel_id = 'news';
            INSERT INTO jobs VALUES (1, 'default', 'delete channel', 'news', '', 1, 0);
            DELETE FROM notifications WHERE sequence = {A_SEND}""",
    )

    assert not [finding for finding in examined(file) if finding.kind is Kind.COPIES]


def test_an_inbox_that_changes_all_the_time_is_not_repaired(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(file, REPAIRED[0][3])
    original = repair._check

    def check(connection: Connection, inbox_id: int) -> object:
        checked = original(connection, inbox_id)
        seed(file, f"UPDATE inboxes SET revision = revision + 1 WHERE inbox_id = {inbox_id}")
        return checked

    monkeypatch.setattr(repair, "_check", check)

    (finding,) = examined(file, repair=True)

    assert not finding.repaired


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer"),
        ("DROP TABLE alembic_version", "another program"),
        ("DELETE FROM alembic_version", "newer"),
    ],
)
def test_a_database_that_is_no_store_of_this_program_is_not_examined(
    file: Path, change: str, problem: str
) -> None:
    seed(file, change)

    with pytest.raises(CannotOpen, match=problem):
        examined(file)


def test_a_missing_database_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match="no such file"):
        examined(tmp_path / "tocsin.db")

    assert list(tmp_path.iterdir()) == []
