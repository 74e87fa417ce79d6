import sqlite3
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import URL, Connection, Engine
from tocsin_server.store import checkpoints
from tocsin_server.store.checkpoints import Checkpoints
from tocsin_server.store.lanes import Lane, ThreadLane, run
from tocsin_server.store.sqlite import write_engine

from tests.support.waiting import until


@pytest.fixture
def tidying(engine: Engine, url: URL, monkeypatch: pytest.MonkeyPatch) -> Iterator[Checkpoints]:
    """Checkpoints that do not wait for more to be written."""
    monkeypatch.setattr(checkpoints, "INTERVAL_SECONDS", 0.0)
    tidying = Checkpoints(write_engine(url))
    yield tidying
    tidying.close()


@pytest.fixture
async def lane(engine: Engine, tidying: Checkpoints) -> AsyncIterator[Lane]:
    lane = ThreadLane(engine, tidying.after_work)
    yield lane
    await lane.close()


def write(connection: Connection) -> None:
    with connection.begin():
        connection.exec_driver_sql("INSERT INTO store_facts VALUES (hex(randomblob(8)), '')")


def facts_in_the_file(url: URL) -> int:
    """How many there are, but for those that only the log has."""
    file = sqlite3.connect(f"file:{url.database}?immutable=1", uri=True)
    try:
        ((count,),) = file.execute("SELECT count(*) FROM store_facts")
    except sqlite3.DatabaseError:  # not even the table, or half a page
        return 0
    finally:
        file.close()
    return int(count)


async def test_what_was_written_goes_to_the_file_without_another_write(
    lane: Lane, url: URL
) -> None:
    await run(lane, write)

    await until(lambda: facts_in_the_file(url) == 1)


async def test_what_could_not_go_to_the_file_goes_with_the_writers_next_work(
    lane: Lane, tidying: Checkpoints, url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = sqlite3.connect(str(url.database), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM store_facts").fetchall()
    await run(lane, write)
    await until(tidying._rest.is_set)
    assert facts_in_the_file(url) == 0

    monkeypatch.setattr(checkpoints, "INTERVAL_SECONDS", 1_000.0)
    reader.close()
    await run(lane, write)

    await until(lambda: facts_in_the_file(url) == 2)
