from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from tocsin_server.live.hub import Hub
from tocsin_server.store.failures import CannotOpen
from tocsin_server.store.store import SqlStore

from tests.support.clocks import SetClock
from tests.support.serving import database


async def open_store(url: str) -> SqlStore:
    return await SqlStore.open(url, Hub(1), SetClock(), 3600.0)


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

    assert first.epoch == second.epoch


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
