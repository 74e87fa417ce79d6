"""What a connection to PostgreSQL is, whatever the database's own settings are."""

from collections.abc import AsyncIterator

import pytest
from asyncpg import ReadOnlySQLTransactionError
from sqlalchemy import Connection, make_url
from tocsin_server.store.databases import Database, database
from tocsin_server.store.lanes import run as run_in
from tocsin_server.store.postgresql import WRITERS
from tocsin_server.store.prepared import run

from tests.support.postgres import Postgres

CARELESS = {
    "synchronous_commit": "off",
    "default_transaction_isolation": "'serializable'",
    "default_transaction_read_only": "on",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "plan_cache_mode": "force_custom_plan",
}


@pytest.fixture
async def opened(postgres: Postgres, postgres_url: str) -> AsyncIterator[Database]:
    """A database whose owner set everything differently."""
    name = make_url(postgres_url).database
    for setting, value in CARELESS.items():
        postgres.execute(f"ALTER DATABASE {name} SET {setting} = {value}")
    opened = database(postgres_url)
    yield opened
    await opened.close()


def settings(connection: Connection) -> dict[str, str]:
    """The settings that count inside a transaction."""
    names = (*CARELESS, "transaction_isolation", "transaction_read_only")
    with connection.begin():
        return {name: run(connection, f"SHOW {name}")[0][0] for name in names}


async def test_a_commit_of_every_writing_connection_is_on_disk_when_it_returns(
    opened: Database,
) -> None:
    assert len(opened.lanes) == WRITERS
    for lane in opened.lanes:
        found = await run_in(lane, settings)
        assert found["synchronous_commit"] == "on"
        assert found["transaction_isolation"] == "read committed"
        assert found["transaction_read_only"] == "off"


async def test_nobody_keeps_a_lock_for_long(opened: Database) -> None:
    found = await run_in(opened.lanes[0], settings)

    assert found["lock_timeout"] == "5s"
    assert found["idle_in_transaction_session_timeout"] == "30s"


async def test_what_a_reader_sees_is_of_one_moment(opened: Database) -> None:
    def count(connection: Connection) -> int:
        number: int = run(connection, "SELECT count(*) FROM store_facts")[0][0]
        return number

    async with opened.readers.connect() as reader:
        await reader.begin()
        before = await reader.run_sync(count)
        await run_in(opened.lanes[0], add)
        during = await reader.run_sync(count)
    async with opened.readers.connect() as reader:
        await reader.begin()
        after = await reader.run_sync(count)

    assert (before, during, after) == (0, 0, 1)


def add(connection: Connection) -> None:
    with connection.begin():
        run(connection, "INSERT INTO store_facts VALUES ('written meanwhile', '1')")


async def test_readers_cannot_write(opened: Database) -> None:
    async with opened.readers.connect() as reader:
        await reader.begin()
        with pytest.raises(ReadOnlySQLTransactionError):
            await reader.run_sync(lambda c: run(c, "DELETE FROM store_facts"))


async def test_a_transaction_that_fails_is_undone_and_its_connection_is_good_again(
    opened: Database,
) -> None:
    def fail(connection: Connection) -> None:
        add(connection)
        with connection.begin():
            run(connection, "INSERT INTO store_facts VALUES ('never', '1')")
            run(connection, "SELECT 1 / 0")

    with pytest.raises(Exception, match="division by zero"):
        await run_in(opened.lanes[0], fail)

    def names(connection: Connection) -> list[str]:
        with connection.begin():
            return [name for (name,) in run(connection, "SELECT name FROM store_facts")]

    assert await run_in(opened.lanes[0], names) == ["written meanwhile"]
