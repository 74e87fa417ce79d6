from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
from tocsin_server.live.hub import Hub
from tocsin_server.settings import Settings

from tests.support.hubs import DeafHub
from tests.support.serving import Served, database, served

Serve = Callable[[Settings], AbstractAsyncContextManager[Served]]


@pytest.fixture(params=["sqlite", "sqlite, deaf hub", "postgresql"])
def house(request: pytest.FixtureRequest) -> str:
    """The backends of the suite; a deaf hub loses every change, and streams must not differ."""
    name: str = request.param
    return name


@pytest.fixture
def serve(house: str) -> Serve:
    """Serves by the house's hub."""
    if "deaf" in house:
        return partial(served, hub=DeafHub, sweep_seconds=0.02)
    return partial(served, hub=Hub)


@pytest.fixture
def database_url(house: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the test's own, of the house's kind."""
    if house == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return database(tmp_path / "tocsin.db")


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, listen="127.0.0.1:0")


@pytest.fixture
async def server(serve: Serve, settings: Settings) -> AsyncIterator[Served]:
    """A server that has the channels `news` and `offers`."""
    async with serve(settings) as server:
        for channel_id in ("news", "offers"):
            await server.client.create_channel(channel_id, title=channel_id.title())
        yield server
