"""A read whose caller is gone frees its connection, on each database."""

import asyncio

import pytest
from sqlalchemy import Connection
from tocsin_server.store.engine.databases import READERS
from tocsin_server.store.engine.prepared import run
from tocsin_server.store.store import SqlStore

from tests.contract.conftest import Shelf
from tests.support.building import ALICE, channel, request, send
from tests.support.waiting import DEADLINE_SECONDS

ENDLESS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s) SELECT max(n) FROM s",
    "postgresql": "SELECT pg_sleep(86400)",
}


def read_for_ever(connection: Connection) -> None:
    """A unit of work that does not end by itself."""
    run(connection, ENDLESS[connection.dialect.name])


@pytest.fixture
async def store(shelf: Shelf) -> SqlStore:
    store = await shelf.reopen()
    assert isinstance(store, SqlStore)
    return store


async def test_abandoned_reads_free_their_connections_whenever_they_are_cancelled(
    store: SqlStore,
) -> None:
    await store.channels.create_channel(request(), channel())

    for revision, turns in enumerate([0, 1, 2, 3, 5, 8, 13, 21, 34, 1_000], start=1):
        reads = [asyncio.create_task(store._reader.run(read_for_ever)) for _ in range(READERS)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for read in reads:
            read.cancel()
        async with asyncio.timeout(DEADLINE_SECONDS):
            ended = await asyncio.gather(*reads, return_exceptions=True)
            await store.messages.send([send("alice")])
            inboxes = await asyncio.gather(
                *(store.inboxes.get_inbox(ALICE) for _ in range(2 * READERS))
            )
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in ended)
        assert [inbox.revision for inbox in inboxes] == [revision] * 2 * READERS
