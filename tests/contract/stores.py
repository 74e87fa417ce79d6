"""The stores that the suite runs on."""

from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from tocsin_server.domain.model.retention import Retention
from tocsin_server.domain.ports.channels import ChannelStore
from tocsin_server.domain.ports.clock import Clock
from tocsin_server.domain.ports.inboxes import InboxStore
from tocsin_server.domain.ports.jobs import JobStore
from tocsin_server.domain.ports.live import Live
from tocsin_server.domain.ports.messages import MessageStore
from tocsin_server.domain.ports.pruning import PruningStore
from tocsin_server.store.store import SqlStore

from tests.contract.memory import MemoryStore

MEMORY = "memory"
"""Stands for the URL of the inboxes in memory, which are no whole store."""


class Store(Protocol):
    """All ports of a store in one."""

    @property
    def channels(self) -> ChannelStore: ...
    @property
    def messages(self) -> MessageStore: ...
    @property
    def inboxes(self) -> InboxStore: ...
    @property
    def jobs(self) -> JobStore: ...
    @property
    def pruning(self) -> PruningStore: ...

    async def close(self) -> None: ...


OpenStore = Callable[[Live, Clock, Retention], Awaitable[Store]]
"""Opens a test's own store, or opens it again after it was closed."""


def opener(url: str) -> OpenStore:
    """Returns the function that opens the store on a database."""
    if url == MEMORY:
        return _open_in_memory

    async def open_store(live: Live, clock: Clock, retention: Retention) -> Store:
        return await SqlStore.open(url, live, clock, retention)

    return open_store


async def _open_in_memory(live: Live, clock: Clock, retention: Retention) -> Store:
    # The tests that run on it call nothing that it lacks.
    return cast("Store", MemoryStore(live))
