"""The server under test: the real one, on a store and a clock of the test's own, in this process.

It is small where that makes few calls reach what takes thousands: its pages, the counters in a
response, and what it keeps pending for a stream. Jobs, pruning and heartbeats run when a rule of the machine says so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from unittest.mock import patch

import grpc
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub
from tocsin_server.api.channels.handlers import ChannelHandlers
from tocsin_server.api.inboxes.handlers import InboxHandlers
from tocsin_server.api.messages.encode import server_fields
from tocsin_server.api.messages.handlers import MessageHandlers
from tocsin_server.background.pruning import prune
from tocsin_server.domain import following
from tocsin_server.domain.channels import Channels
from tocsin_server.domain.following import Follower
from tocsin_server.domain.inboxes import Inboxes
from tocsin_server.domain.messages import Messages
from tocsin_server.domain.model.changes import Change
from tocsin_server.domain.model.retention import Retention
from tocsin_server.domain.model.streams import Subscription
from tocsin_server.grpc_transport.server import GrpcServer
from tocsin_server.live import hub as hubs
from tocsin_server.live.hub import Hub, HubWatch

from tests.contract.stores import OpenStore, Store
from tests.stateful.promises import a_slow_reader_harms_only_itself
from tests.support.clocks import SetClock

if TYPE_CHECKING:
    from tocsin.v1.channel_service_pb2_grpc import ChannelServiceAsyncStub
    from tocsin.v1.inbox_service_pb2_grpc import InboxServiceAsyncStub
    from tocsin.v1.message_service_pb2_grpc import MessageServiceAsyncStub

ANSWERS_SECONDS = 3_600.0
HISTORY_SECONDS = 7_200.0
PAGE_ROWS = 3
COUNTERS_BYTES = 64
"""Two channels' counters: those of three take two responses."""
MOST_PENDING = (6, hubs.PENDING_BYTES)
"""How many changes, and bytes of them, may be pending for one stream."""

T = TypeVar("T")


class MeasuredHub(Hub):
    """Notes the most that was pending for one stream."""

    def __init__(self) -> None:
        super().__init__(max_streams=100)
        self.most_pending = (0, 0)
        self.stops_with_next = False
        """Set, the next announcement is the last: before a stream takes it, the server stops."""

    def announce(self, changes: Sequence[Change]) -> None:
        """Tells the watches, one change after the other."""
        for change in changes:
            super().announce([change])
            for watch in self._watches.get(change.key, ()):
                pending = len(watch._pending), sum(each.size for each in watch._pending)
                self.most_pending = max(self.most_pending, pending)
        if self.stops_with_next:
            self.stop()

    def watches_of(self, user_id: str) -> Sequence[HubWatch]:
        """The watches of a user's inbox, in the order in which their streams opened."""
        found = (kept for key, kept in self._watches.items() if key.user_id == user_id)
        return next(found, ())


class NumberedIdentifiers:
    """Identifiers in a row: those of an example that is repeated have the same order."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def message_id(self, now: int) -> str:
        """The next number, as text that sorts as it does."""
        return f"{next(self._numbers):012}"

    def token(self) -> str:
        """The next number, too."""
        return self.message_id(0)


class System:
    """A server that may be stopped and started again on its store, and stubs to call it."""

    channels: "ChannelServiceAsyncStub"
    messages: "MessageServiceAsyncStub"
    inboxes: "InboxServiceAsyncStub"
    hub: MeasuredHub
    target: str
    _store: Store

    def __init__(self, open_store: OpenStore, folder: Path, seconds: float) -> None:
        self.clock = SetClock()
        self.seconds = seconds
        """How long anything may take."""
        self.failed: Exception | None = None
        """The first step's failure, even if it was caught."""
        self.broken: AssertionError | None = None
        """The first check that failed, even if its failure was caught."""
        self._open_store = open_store
        self._identifiers = NumberedIdentifiers()
        # A server that stopped removes its socket's path late: each has another.
        self._addresses = (f"unix:{folder / str(number)}" for number in count())
        self._loop = asyncio.new_event_loop()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs something on the system's event loop."""
        return self._loop.run_until_complete(coroutine)

    async def start(self) -> None:
        """Serves, on the store as it is."""
        hub = self.hub = MeasuredHub()
        retention = Retention(ANSWERS_SECONDS, HISTORY_SECONDS)
        store = self._store = await self._open_store(hub, self.clock, retention)
        identifiers = self._identifiers

        def follow(subscription: Subscription) -> Follower:
            return Follower(store.inboxes, hub, subscription, lambda: 0.0)

        self._server = GrpcServer(
            [
                ChannelHandlers(Channels(store.channels, self.clock, identifiers)).service(),
                MessageHandlers(
                    Messages(store.messages, self.clock, identifiers, server_fields)
                ).service(),
                InboxHandlers(Inboxes(store.inboxes, self.clock), follow).service(),
            ]
        )
        self.target = await self._server.start(next(self._addresses))
        options = [("grpc.use_local_subchannel_pool", 1)]
        self._channel = grpc.aio.insecure_channel(self.target, options=options)
        self.channels = ChannelServiceStub(self._channel)
        self.messages = MessageServiceStub(self._channel)
        self.inboxes = InboxServiceStub(self._channel)

    async def drain(self) -> None:
        """Tells the streams to come back, and returns when all have ended."""
        self.hub.stop()
        await self._server.stop(self.seconds)

    async def stop(self) -> None:
        """Ends what is left of a server that was drained."""
        await self._channel.close()
        await self._store.close()

    async def renew(self) -> None:
        """Replaces this server with another, in any state."""
        await self.drain()
        await self.stop()
        await self.start()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns once the server has come so far.

        Raises:
            TimeoutError: it did not in time.
        """
        async with asyncio.timeout(self.seconds):
            while not condition():  # noqa: ASYNC110  # nobody signals what is looked at
                await asyncio.sleep(0)

    async def within(self, call: Awaitable[T], what: str) -> T:
        """Awaits a call; one that takes too long waits for another client's stream."""
        try:
            async with asyncio.timeout(self.seconds):
                return await call
        except TimeoutError:
            a_slow_reader_harms_only_itself((0, 0), MOST_PENDING, waited=what)
            raise

    async def until_waiting(self, watch: HubWatch) -> None:
        """Returns once a stream that was read has nothing more to give."""
        await self.until(lambda: watch._waiter is not None)

    async def beat(self, watch: HubWatch) -> None:
        """Has a stream that waits for changes send a heartbeat instead."""
        await self.until_waiting(watch)
        assert watch._waiter is not None
        hubs._expire(watch._waiter)

    async def work(self) -> bool:
        """Does one step of the job whose turn it is."""
        return await self._store.jobs.work(self.clock.now())

    async def prune(self) -> None:
        """Prunes all that is due."""
        await prune(self._store.pruning, self.clock)

    def close(self) -> None:
        """Stops, and ends the event loop."""
        self.run(self.drain())
        self.run(self.stop())
        self._loop.close()


@contextmanager
def running(open_store: OpenStore, folder: Path, seconds: float) -> Iterator[System]:
    """A system that runs while the context lasts."""
    with (
        patch.object(following, "PAGE_ROWS", PAGE_ROWS),
        patch.object(following, "COUNTERS_BYTES_BESIDE", COUNTERS_BYTES),
        patch.object(following, "COUNTERS_BYTES_ALONE", COUNTERS_BYTES),
        patch.object(hubs, "PENDING_CHANGES", MOST_PENDING[0]),
    ):
        system = System(open_store, folder, seconds)
        system.run(system.start())
        try:
            yield system
        finally:
            system.close()
