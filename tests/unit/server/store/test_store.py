from asyncio import create_task, gather, sleep, timeout
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from tocsin_server.domain.model.errors import StoreUnavailable
from tocsin_server.domain.model.inboxes import NotificationFilter, NotificationQuery
from tocsin_server.domain.model.marking import Marking, Selection
from tocsin_server.domain.model.retention import Retention
from tocsin_server.live.hub import Hub
from tocsin_server.store.engine.databases import READERS
from tocsin_server.store.engine.driver_errors import CannotOpen
from tocsin_server.store.engine.prepared import run
from tocsin_server.store.store import SqlStore

from tests.support.building import ALICE, channel, request, send
from tests.support.clocks import SetClock
from tests.support.serving import database
from tests.support.waiting import DEADLINE_SECONDS, until


async def open_store(url: str) -> SqlStore:
    return await SqlStore.open(url, Hub(1), SetClock(), Retention(3600.0))


async def test_a_database_that_is_not_there_is_made(tmp_path: Path) -> None:
    store = await open_store(database(tmp_path / "tocsin.db"))
    await store.close()

    assert (tmp_path / "tocsin.db").exists()


async def test_a_store_keeps_its_epoch(tmp_path: Path) -> None:
    url = database(tmp_path / "tocsin.db")
    first = await open_store(url)
    await first.close()
    second = await open_store(url)
    await second.close()

    assert first.inboxes.epoch == second.inboxes.epoch


async def test_a_file_that_is_served_cannot_be_opened_until_its_server_closes_it(
    tmp_path: Path,
) -> None:
    url = database(tmp_path / "tocsin.db")
    first = await open_store(url)

    with pytest.raises(CannotOpen, match=r"tocsin\.db: another server serves this file"):
        await open_store(url)

    assert (await first.channels.list_channels("default", "", 1)).items == []
    await first.close()
    second = await open_store(url)
    await second.close()


async def test_a_folder_that_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match="cannot use the database"):
        await open_store(database(tmp_path / "nowhere" / "tocsin.db"))


async def test_a_file_that_is_no_database_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    path.write_text("something else, " * 100)

    with pytest.raises(CannotOpen, match="cannot use the database"):
        await open_store(database(path))

    assert path.read_text() == "something else, " * 100


async def test_a_database_of_a_newer_program_cannot_be_opened(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(CannotOpen, match="cannot use the database") as caught:
        await open_store(database(tmp_path / "tocsin.db"))

    assert "\n" not in str(caught.value)


async def test_a_commit_of_the_store_is_on_disk_when_it_returns(tmp_path: Path) -> None:
    store = await open_store(database(tmp_path / "tocsin.db"))

    synchronous = await store._writer.run(
        lambda connection: connection.exec_driver_sql("PRAGMA synchronous").scalar(), rows=1
    )
    journal = await store._writer.run(
        lambda connection: connection.exec_driver_sql("PRAGMA journal_mode").scalar(), rows=1
    )

    assert (synchronous, journal) == (2, "wal")
    await store.close()


@pytest.mark.parametrize(
    ("which", "channel_ids", "listed"),
    [
        (NotificationFilter.ALL, (), [6, 5, 4, 3, 2, 1]),
        (NotificationFilter.UNREAD, (), [6, 5, 4]),
        (NotificationFilter.READ, (), [3, 2, 1]),
        (NotificationFilter.ALL, ("news",), [5, 3, 1]),
        (NotificationFilter.UNREAD, ("news",), [5]),
        (NotificationFilter.READ, ("news",), [3, 1]),
        (NotificationFilter.UNREAD, ("news", "offers"), [6, 5, 4]),
        (NotificationFilter.READ, ("news", "offers"), [3, 2, 1]),
        (NotificationFilter.READ, ("offers", "nowhere"), [2]),
    ],
)
async def test_a_filter_lists_what_is_read_or_not(
    tmp_path: Path,
    which: NotificationFilter,
    channel_ids: Sequence[str],
    listed: Sequence[int],
) -> None:
    store = await open_store(database(tmp_path / "tocsin.db"))
    for channel_id in ("news", "offers"):
        await store.channels.create_channel(request(), channel(channel_id))
    for number in range(6):
        await store.messages.send([send("alice", channel_id="offers" if number % 2 else "news")])
    await store.inboxes.mark(
        Marking(request(), ALICE, Selection(None, None, 3), read=None, seen=True), now=7
    )
    await store.inboxes.mark(
        Marking(request(), ALICE, Selection(None, None, 3), read=True, seen=None), now=8
    )

    query = NotificationQuery(ALICE, 10, channel_ids=channel_ids, which=which)
    page = await store.inboxes.list_notifications(query)

    assert [notification.revision for notification in page.items] == listed
    assert {(n.seen_time, n.read_time) for n in page.items} <= {(7, 8), (None, None)}
    await store.close()


async def test_a_read_that_was_cancelled_leaves_no_old_view_behind(tmp_path: Path) -> None:
    store = await open_store(database(tmp_path / "tocsin.db"))
    await store.channels.create_channel(request(), channel())

    for turns in range(40):
        reads = [create_task(store.inboxes.get_inbox(ALICE)) for _ in range(READERS)]
        for _ in range(turns):
            await sleep(0)
        for read in reads:
            read.cancel()
        await gather(*reads, return_exceptions=True)
        await store.messages.send([send("alice")])
        inboxes = await gather(*(store.inboxes.get_inbox(ALICE) for _ in range(READERS)))
        assert [inbox.revision for inbox in inboxes] == [turns + 1] * READERS

    await store.close()


async def test_closing_a_store_interrupts_the_reads_that_run(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s) SELECT max(n) FROM s"
    store = await open_store(database(tmp_path / "tocsin.db"))
    reads = [create_task(store._reader.run(lambda c: run(c, endless))) for _ in range(READERS)]
    await until(lambda: len(store._reader._running) == READERS)

    async with timeout(DEADLINE_SECONDS):
        await store.close()

    outcomes = await gather(*reads, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * READERS
