"""The stores that the suite runs on: a factory each."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

from tocsin_server.domain.ports import (
    ChannelStore,
    Clock,
    InboxStore,
    JobStore,
    Live,
    MessageStore,
    PruningStore,
)
from tocsin_server.domain.retention import Retention
from tocsin_server.store.store import SqlStore

from tests.support.serving import database


class Store(ChannelStore, MessageStore, InboxStore, JobStore, PruningStore, Protocol):
    """All that the domain asks of a store, in one."""

    async def close(self) -> None: ...


OpenStore = Callable[[Live, Clock, Retention], Awaitable[Store]]
"""Opens a test's own store, again after it was closed; the last one is its retention."""


def sqlite(folder: Path) -> OpenStore:
    async def open_store(live: Live, clock: Clock, retention: Retention) -> Store:
        return await SqlStore.open(database(folder / "tocsin.db"), live, clock, retention)

    return open_store


FACTORIES: Sequence[Callable[[Path], OpenStore]] = (sqlite,)
