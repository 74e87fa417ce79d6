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


@pytest.fixture(params=["hub", "deaf hub"])
def serve(request: pytest.FixtureRequest) -> Serve:
    """Serves by a hub that tells, and by one that loses all: streams must not differ."""
    if request.param == "hub":
        return partial(served, hub=Hub)
    return partial(served, hub=DeafHub, sweep_seconds=0.02)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database_url=database(tmp_path / "tocsin.db"), listen="127.0.0.1:0")


@pytest.fixture
async def server(serve: Serve, settings: Settings) -> AsyncIterator[Served]:
    """A server that has the channels `news` and `offers`."""
    async with serve(settings) as server:
        for channel_id in ("news", "offers"):
            await server.client.create_channel(channel_id, title=channel_id.title())
        yield server
