"""The stores that the suite runs on."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from tocsin_server.domain.model.retention import Retention
from tocsin_server.domain.ports.channels import ChannelStore
from tocsin_server.domain.ports.clock import Clock
from tocsin_server.domain.ports.inboxes import InboxStore
from tocsin_server.domain.ports.jobs import JobStore
from tocsin_server.domain.ports.live import Live
from tocsin_server.domain.ports.messages import MessageStore
from tocsin_server.domain.ports.pruning import PruningStore
from tocsin_server.store.store import SqlStore


class Store(Protocol):
    """All that the domain asks of a store, in one."""

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
"""Opens a test's own store, again after it was closed; the last one is its retention."""


def opener(url: str) -> OpenStore:
    """Returns what opens the store on a database."""

    async def open_store(live: Live, clock: Clock, retention: Retention) -> Store:
        return await SqlStore.open(url, live, clock, retention)

    return open_store
