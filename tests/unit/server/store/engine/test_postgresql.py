"""Connections to PostgreSQL keep the guarantees, whatever the settings of the database are."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from asyncpg import ReadOnlySQLTransactionError
from sqlalchemy import Connection, make_url
from tocsin_server.domain.model.errors import ChannelNotFound, StoreUnavailable
from tocsin_server.domain.model.messages import Sent
from tocsin_server.domain.model.retention import Retention
from tocsin_server.live.hub import Hub
from tocsin_server.store.backup.restore import begin_new_epoch
from tocsin_server.store.engine import postgresql
from tocsin_server.store.engine.databases import Database, database
from tocsin_server.store.engine.driver_errors import CannotOpen
from tocsin_server.store.engine.executors import run as run_in
from tocsin_server.store.engine.postgresql import WRITERS
from tocsin_server.store.engine.prepared import run
from tocsin_server.store.idempotency import AnswerCodec, keep
from tocsin_server.store.store import SqlStore

from tests.support.building import ALICE, channel, request, send
from tests.support.clocks import START, SetClock
from tests.support.pooler import dropping_settings
from tests.support.postgres import Postgres, working
from tests.support.waiting import DEADLINE_SECONDS

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
    """A database with other settings than the store needs."""
    name = make_url(postgres_url).database
    for setting, value in CARELESS.items():
        postgres.execute(f"ALTER DATABASE {name} SET {setting} = {value}")
    opened = database(postgres_url)
    yield opened
    await opened.close()


def settings(connection: Connection) -> dict[str, str]:
    """The settings inside a transaction."""
    names = (*CARELESS, "transaction_isolation", "transaction_read_only")
    with connection.begin():
        return {name: run(connection, f"SHOW {name}")[0][0] for name in names}


async def test_a_commit_of_every_writing_connection_is_on_disk_when_it_returns(
    opened: Database,
) -> None:
    assert len(opened.executors) == WRITERS
    for executor in opened.executors:
        found = await run_in(executor, settings)
        assert found["synchronous_commit"] == "on"
        assert found["transaction_isolation"] == "read committed"
        assert found["transaction_read_only"] == "off"


async def test_waits_for_locks_and_idle_transactions_are_bounded(opened: Database) -> None:
    found = await run_in(opened.executors[0], settings)

    assert found["lock_timeout"] == "5s"
    assert found["idle_in_transaction_session_timeout"] == "30s"


async def test_a_reader_sees_one_snapshot(opened: Database) -> None:
    def count(connection: Connection) -> int:
        number: int = run(connection, "SELECT count(*) FROM store_facts")[0][0]
        return number

    async with opened.readers.connect() as reader:
        await reader.begin()
        before = await reader.run_sync(count)
        await run_in(opened.executors[0], add)
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


async def test_a_failed_transaction_is_rolled_back_and_its_connection_is_usable(
    opened: Database,
) -> None:
    def fail(connection: Connection) -> None:
        add(connection)
        with connection.begin():
            run(connection, "INSERT INTO store_facts VALUES ('never', '1')")
            run(connection, "SELECT 1 / 0")

    with pytest.raises(Exception, match="division by zero"):
        await run_in(opened.executors[0], fail)

    def names(connection: Connection) -> list[str]:
        with connection.begin():
            return [name for (name,) in run(connection, "SELECT name FROM store_facts")]

    assert await run_in(opened.executors[0], names) == ["written meanwhile"]


async def test_a_pooler_that_drops_settings_is_refused_and_named(postgres_url: str) -> None:
    async with dropping_settings(postgres_url) as pooled:
        with pytest.raises(CannotOpen, match="a pooler such as PgBouncer") as caught:
            await SqlStore.open(pooled, Hub(1), SetClock(), Retention())

    assert "idle_in_transaction_session_timeout = 0" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def patience() -> str:
    """The lock timeout of the store."""
    return "200ms"


@pytest.fixture
async def store(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, patience: str
) -> AsyncIterator[SqlStore]:
    """A store with the channel `news`."""
    monkeypatch.setitem(postgresql._SERVING, "lock_timeout", patience)
    store = await SqlStore.open(postgres_url, Hub(1), SetClock(), Retention())
    await store.channels.create_channel(request(), channel())
    yield store
    await store.close()


async def test_a_result_counts_when_its_connection_cannot_be_returned_to_the_pool(
    opened: Database,
) -> None:
    def write_and_break(connection: Connection) -> int:
        with connection.begin():
            run(connection, "INSERT INTO store_facts VALUES ('written', '1')")
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.terminate()
        return 7

    assert await run_in(opened.executors[0], write_and_break) == 7
    assert await run_in(opened.executors[0], lambda c: run(c, "SELECT 8")[0][0]) == 8


def nothing(connection: Connection) -> None:
    """A unit of work that does nothing."""


async def test_a_mutation_that_refuses_what_its_repeat_changed_is_undone_and_answered(
    store: SqlStore, postgres_url: str
) -> None:
    key = request("r-1", b"body")
    answers: AnswerCodec[str] = AnswerCodec(
        lambda text: {"text": text}, lambda facts: facts["text"]
    )
    with working(postgres_url) as other:

        def write_and_refuse(connection: Connection) -> str:
            run(connection, "INSERT INTO store_facts VALUES ('half', 'done')")
            other(lambda c: keep(c, [(key, {"text": "of the first"})], START, 0))
            raise ChannelNotFound(channel_id="news")

        unit = store.channels._idempotency.once(key, START, write_and_refuse, answers)
        answer = await store._writer.run(unit, rows=1)

    names = await store._reader.run(lambda c: run(c, "SELECT name FROM store_facts"))
    assert answer == "of the first"
    assert [name for (name,) in names] == ["epoch"]


def hold_first_job(connection: Connection) -> None:
    """Locks the first job of the queue, as a server does that runs its step."""
    run(connection, "SELECT FROM jobs ORDER BY turn LIMIT 1 FOR UPDATE")


async def test_a_job_that_another_server_runs_does_not_block_the_next_one(
    store: SqlStore, postgres_url: str
) -> None:
    await store.channels.create_channel(request(), channel("offers"))
    await store.messages.send([send("alice"), send("alice", channel_id="offers")])
    for channel_id in ("news", "offers"):
        await store.channels.delete_channel(request(), channel_id, START, force=True)
    other = database(postgres_url)

    async with other._writers.connect() as holder:  # type: ignore[attr-defined]  # it is PostgreSQL's
        await holder.begin()
        await holder.run_sync(hold_first_job)
        while await store.jobs.work(START):
            pass
        head = await store.inboxes.read_head(ALICE, 10)
    await other.close()

    assert [n.message.channel_id for n in head.newest.items] == ["news"]
    assert await store.jobs.work(START)


@pytest.mark.parametrize("patience", ["60s"])
async def test_a_waiting_executor_does_not_block_another(
    store: SqlStore, postgres_url: str
) -> None:
    other = database(postgres_url)
    async with other.readers.connect() as holder:
        await holder.begin()
        await holder.run_sync(lambda c: run(c, "SELECT pg_advisory_lock(7)"))
        held = asyncio.create_task(
            store._writer.run(lambda c: run(c, "SELECT pg_advisory_xact_lock(7)"), rows=1)
        )
        freely = [asyncio.create_task(store._writer.run(nothing, rows=1)) for _ in range(2)]

        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.gather(*freely)

        assert not held.done()
        await holder.run_sync(lambda c: run(c, "SELECT pg_advisory_unlock(7)"))
        await held
    await other.close()


def hold_alice(connection: Connection) -> None:
    """Locks an inbox until the transaction ends."""
    run(connection, "SELECT FROM inboxes WHERE user_id = 'alice' FOR UPDATE")


def a_lock_is_waited_for(connection: Connection) -> bool:
    """Whether a transaction waits for a lock."""
    return bool(run(connection, "SELECT FROM pg_locks WHERE NOT granted"))


@pytest.mark.parametrize("patience", ["60s"])
async def test_sends_that_wait_for_an_inbox_do_not_block_others(
    store: SqlStore, postgres_url: str
) -> None:
    await store.messages.send([send("alice"), send("bob")])
    other = database(postgres_url)

    async with other._writers.connect() as holder:  # type: ignore[attr-defined]  # it is PostgreSQL's
        await holder.begin()
        await holder.run_sync(hold_alice)
        held = asyncio.create_task(store.messages.send([send("alice")]))
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not await holder.run_sync(a_lock_is_waited_for):
                pass
            (to_bob,) = await store.messages.send([send("bob")])
            await store.channels.create_channel(request(), channel("offers"))
        assert not held.done()
    await other.close()

    (to_alice,) = await held
    assert isinstance(to_bob, Sent)
    assert isinstance(to_alice, Sent)


async def test_a_locked_inbox_fails_only_the_sends_to_it(
    store: SqlStore, postgres_url: str
) -> None:
    await store.messages.send([send("alice"), send("bob")])
    other = database(postgres_url)

    async with other._writers.connect() as holder:  # type: ignore[attr-defined]  # it is PostgreSQL's
        await holder.begin()
        await holder.run_sync(hold_alice)
        outcomes = await asyncio.gather(
            *(store.messages.send([send(user)]) for user in ("bob", "alice", "carol"))
        )
    await other.close()

    ((to_bob,), (to_alice,), (to_carol,)) = outcomes
    assert isinstance(to_alice, StoreUnavailable)
    assert isinstance(to_bob, Sent)
    assert isinstance(to_carol, Sent)
    assert (await store.inboxes.get_inbox(ALICE)).revision == 1


async def test_a_server_refuses_a_store_that_began_a_new_epoch(
    store: SqlStore, postgres: Postgres, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(CannotOpen, match="a server uses it"):
        await asyncio.to_thread(begin_new_epoch, postgres_url)
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:  # the database notices the cuts one after the other
            await asyncio.to_thread(postgres.cut)
            try:
                await asyncio.to_thread(begin_new_epoch, postgres_url)
            except CannotOpen:
                continue
            break

    with pytest.raises(StoreUnavailable):
        await store.inboxes.get_inbox(ALICE)
    (outcome,) = await store.messages.send([send("alice")])

    assert isinstance(outcome, StoreUnavailable)
    assert "start the server again" in caplog.text
