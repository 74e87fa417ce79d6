import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError
from tocsin_server.store.engine import sqlite as engine_sqlite
from tocsin_server.store.engine.executors import run
from tocsin_server.store.engine.sqlite import CHECKPOINT_ROWS, Sqlite, read_engine

from tests.support.waiting import until


def test_the_writer_commits_durably(engine: Engine) -> None:
    with engine.begin() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == 2
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"


def test_a_transaction_of_the_writer_takes_the_write_lock_when_it_begins(
    engine: Engine, url: URL
) -> None:
    other = sqlite3.connect(str(url.database), timeout=0, isolation_level=None)

    with engine.begin(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")

    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_a_transaction_is_not_committed_after_a_refused_statement(engine: Engine) -> None:
    add = "INSERT OR ROLLBACK INTO store_facts VALUES ('a', '1')"

    def swallow_the_refusal() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(add)
            with suppress(IntegrityError):
                connection.exec_driver_sql(add)

    with pytest.raises(RuntimeError, match="no transaction"):
        swallow_the_refusal()


async def test_readers_cannot_write(engine: Engine, url: URL) -> None:
    readers = read_engine(url)

    async with readers.connect() as connection:
        assert await connection.scalar(text("PRAGMA query_only")) == 1
        with pytest.raises(OperationalError, match="readonly"):
            await connection.execute(text("DELETE FROM channels"))
    await readers.dispose()


async def test_a_reader_sees_one_snapshot(engine: Engine, url: URL) -> None:
    count = text("SELECT count(*) FROM store_facts")
    add = text("INSERT INTO store_facts VALUES (:name, '1')")
    readers = read_engine(url)

    async with readers.connect() as reader:
        before = await reader.scalar(count)
        with engine.begin() as writer:
            writer.execute(add, {"name": "written meanwhile"})
        during = await reader.scalar(count)
    async with readers.connect() as reader:
        after = await reader.scalar(count)
    await readers.dispose()

    assert (before, during, after) == (0, 0, 1)


async def test_the_writer_moves_its_log_into_the_file_again_and_again(
    engine: Engine, url: URL
) -> None:
    engine.dispose()
    assert url.database is not None
    file, text_of_a_page = url.database, "x" * 4_096
    database = Sqlite(url)

    def changed_at() -> int:
        return Path(file).stat().st_mtime_ns

    def fill(connection: Connection) -> None:
        with connection.begin():
            connection.exec_driver_sql("DELETE FROM store_facts")
            for number in range(CHECKPOINT_ROWS):
                connection.exec_driver_sql(
                    "INSERT INTO store_facts VALUES (?, ?)", (f"{number}", text_of_a_page)
                )

    for _ in range(2):
        await run(database.executors[0], lambda _: None)  # a checkpoint has ended before it begins
        before = changed_at()
        await run(database.executors[0], fill)
        await until(lambda before=before: changed_at() > before)  # type: ignore[misc]

    await database.close()


def test_checkpoints_go_on_when_sqlites_count_of_rows_wraps(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter([2**31 - 1, -(2**31), -(2**31) + 1, -(2**31) + CHECKPOINT_ROWS])
    statements: list[str] = []
    monkeypatch.setattr(engine_sqlite, "rows_written", lambda _: next(counts))
    monkeypatch.setattr(engine_sqlite, "run", lambda _, sql: statements.append(sql))
    checkpoints = engine_sqlite._Checkpoints()

    with engine.connect() as connection:
        made = []
        for _ in range(4):
            checkpoints.run_when_due(connection)
            made.append(len(statements))

    assert made == [1, 2, 2, 3]
