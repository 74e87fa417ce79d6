from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, Engine, make_url
from tocsin_server.store.engine.sqlite import write_engine
from tocsin_server.store.schema.migration import migrate

from tests.support.serving import database


@pytest.fixture
def url(tmp_path: Path) -> URL:
    return make_url(database(tmp_path / "tocsin.db"))


@pytest.fixture
def engine(url: URL) -> Iterator[Engine]:
    """The engine that writes, of a database with the whole schema."""
    engine = write_engine(url)
    with engine.begin() as connection:
        migrate(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes."""
    with engine.begin() as connection:
        yield connection
