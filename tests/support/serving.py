"""A server in this process, and everything to call it with."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub
from tocsin.v1.inbox_service_pb2 import SubscribeRequest
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub
from tocsin_client import AsyncClient
from tocsin_server.app import Parts, SystemClock, serving
from tocsin_server.domain.ports.clock import Clock
from tocsin_server.live.hub import Hub
from tocsin_server.live.sweep import SWEEP_SECONDS
from tocsin_server.settings import Settings

from tests.support.streams import P, Replica, Stream

if TYPE_CHECKING:
    from tocsin.v1.channel_service_pb2_grpc import ChannelServiceAsyncStub
    from tocsin.v1.inbox_service_pb2_grpc import InboxServiceAsyncStub
    from tocsin.v1.message_service_pb2_grpc import MessageServiceAsyncStub


class Served:
    """A server that serves: its address, raw stubs over one connection, and a client."""

    def __init__(
        self, target: str, hub: Hub, channel: grpc.aio.Channel, client: AsyncClient
    ) -> None:
        self.target = target
        self.hub = hub
        self.channel = channel
        self.client = client
        self.channels: ChannelServiceAsyncStub = ChannelServiceStub(channel)
        self.messages: MessageServiceAsyncStub = MessageServiceStub(channel)
        self.inboxes: InboxServiceAsyncStub = InboxServiceStub(channel)

    def subscribe(
        self, user_id: str, replica: Replica | None = None, *, snapshot_size: int = 0
    ) -> Stream[Replica]:
        """Opens a stream that resumes from the replica's cursor."""
        return self.prove(user_id, replica or Replica(), snapshot_size=snapshot_size)

    def prove(self, user_id: str, proof: P, *, snapshot_size: int = 0) -> Stream[P]:
        """Opens a stream that resumes from the proof's cursor."""
        request = SubscribeRequest(
            user_id=user_id, cursor=proof.cursor, snapshot_size=snapshot_size
        )
        return Stream(self.inboxes.Subscribe(request), proof)


def database(path: Path) -> str:
    """The URL of a database in a file."""
    return f"sqlite+aiosqlite:///{path}"


@asynccontextmanager
async def served(
    settings: Settings,
    *,
    hub: Callable[[int], Hub] = Hub,
    clock: Clock | None = None,
    sweep_seconds: float = SWEEP_SECONDS,
) -> AsyncIterator[Served]:
    """Serves; yields the server with stubs and a client."""
    hubs: list[Hub] = []

    def make_hub(max_streams: int) -> Hub:
        hubs.append(hub(max_streams))
        return hubs[-1]

    async with AsyncExitStack() as stack:
        parts = Parts(clock or SystemClock(), make_hub, sweep_seconds, work_seconds=0.02)
        target = await stack.enter_async_context(serving(settings, parts))
        # Otherwise clients of one address in one process share a connection.
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = await stack.enter_async_context(
            grpc.aio.insecure_channel(target, options=options)
        )
        client = await stack.enter_async_context(AsyncClient(target))
        yield Served(target, hubs[0], channel, client)
