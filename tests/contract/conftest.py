from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tocsin_server.domain.model.retention import Retention
from tocsin_server.live.hub import Hub

from tests.contract.stores import MEMORY, OpenStore, Store, opener
from tests.support.building import channel, request
from tests.support.clocks import SetClock
from tests.support.serving import database

RETENTION = 3600.0
HISTORY = 7200.0


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the test's own, of each kind; `memory` stands for inboxes in memory."""
    if request.param == "memory":
        return MEMORY
    if request.param == "sqlite":
        return database(tmp_path / "tocsin.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def open_store(database_url: str) -> OpenStore:
    return opener(database_url)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def hub() -> Hub:
    return Hub(max_streams=100)


class Shelf:
    """Holds a test's one store, which may be closed and opened again."""

    def __init__(self, open_store: Callable[[], Awaitable[Store]]) -> None:
        self._open_store = open_store
        self._store: Store | None = None

    async def reopen(self) -> Store:
        """Closes the store and opens it again."""
        await self.close()
        self._store = await self._open_store()
        return self._store

    async def close(self) -> None:
        """Closes the store that is open, if any."""
        store, self._store = self._store, None
        if store is not None:
            await store.close()


@pytest.fixture
async def shelf(open_store: OpenStore, hub: Hub, clock: SetClock) -> AsyncIterator[Shelf]:
    shelf = Shelf(lambda: open_store(hub, clock, Retention(RETENTION, HISTORY)))
    yield shelf
    await shelf.close()


@pytest.fixture
async def store(shelf: Shelf) -> Store:
    """A store that has the channels `news` and `offers`."""
    store = await shelf.reopen()
    for channel_id in ("news", "offers"):
        await store.channels.create_channel(request(), channel(channel_id))
    return store
