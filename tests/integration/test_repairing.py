"""A repair while a server runs: subscribers of the inbox start over, with true counters."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from tocsin_server.settings import Settings
from tocsin_server.store.doctor.findings import Finding

from tests.integration.conftest import Serve
from tests.support.aging import examined_store
from tests.support.asking import create_request, numbered, send_request
from tests.support.serving import served
from tests.support.streams import Replica

Change = Callable[[str], None]


@pytest.fixture
def change(settings: Settings, request: pytest.FixtureRequest, tmp_path: Path) -> Change:
    """Runs a statement in the store while its server runs."""
    if settings.database_url.startswith("postgresql"):
        return partial(request.getfixturevalue("postgres").change, url=settings.database_url)

    def in_file(sql: str) -> None:
        with closing(sqlite3.connect(tmp_path / "tocsin.db", isolation_level=None)) as connection:
            connection.execute(sql)

    return in_file


async def repaired(settings: Settings) -> list[Finding]:
    """Has the doctor repair the store."""
    return await asyncio.to_thread(partial(examined_store, settings.database_url, repair=True))


async def test_a_stream_of_a_repaired_inbox_starts_over_and_goes_on(
    settings: Settings, change: Change
) -> None:
    async with served(settings, sweep_seconds=0.02) as server:
        await server.channels.CreateChannel(create_request("news"))
        await server.messages.BatchSendMessages(numbered(5, "alice", "bob"))
        async with server.subscribe("alice") as stream, server.subscribe("bob") as other:
            await stream.until_caught_up()
            await other.until_caught_up()
            change("UPDATE inboxes SET unread_count = 1 WHERE user_id = 'alice'")

            findings = await repaired(settings)
            await stream.until_caught_up()

            assert [finding.repaired for finding in findings] == [True]
            assert stream.phases == ["SNAPSHOT"]
            assert stream.proof.revision == 6
            assert stream.proof.inbox.unread_count == 5
            await server.messages.SendMessage(send_request("alice", "bob"))
            await stream.until_revision(7)
            await other.until_revision(6)
            assert stream.phases == ["SNAPSHOT", "LIVE"]
            assert other.phases == ["SNAPSHOT", "LIVE"]
            assert stream.proof.inbox.unread_count == 6


async def test_a_cursor_from_before_a_repair_gets_a_snapshot(
    serve: Serve, settings: Settings, change: Change
) -> None:
    async with serve(settings) as server:
        await server.channels.CreateChannel(create_request("news"))
        await server.messages.BatchSendMessages(numbered(5, "alice"))
        replica = Replica()
        async with server.subscribe("alice", replica) as stream:
            await stream.until_caught_up()
    change("UPDATE notifications SET read_time = 7 WHERE arrive_revision = 2")

    await repaired(settings)

    async with serve(settings) as server, server.subscribe("alice", replica) as stream:
        await stream.until_caught_up()
        assert stream.phases == ["SNAPSHOT"]
        assert replica.inbox.unread_count == 4


async def test_a_cursor_of_a_past_that_was_lost_never_leads_on_again(
    serve: Serve, settings: Settings, change: Change
) -> None:
    async with serve(settings) as server:
        await server.channels.CreateChannel(create_request("news"))
        await server.messages.BatchSendMessages(numbered(9, "alice"))
        replica = Replica()
        async with server.subscribe("alice", replica) as stream:
            await stream.until_caught_up()
    change("UPDATE inboxes SET revision = 2")
    change("DELETE FROM notifications WHERE arrive_revision > 5")

    await repaired(settings)

    async with serve(settings) as server:
        await server.messages.BatchSendMessages(numbered(9, "alice"))
        async with server.subscribe("alice", replica) as stream:
            await stream.until_caught_up()
            assert stream.phases == ["SNAPSHOT"]
            assert replica.inbox.total_count == 14
