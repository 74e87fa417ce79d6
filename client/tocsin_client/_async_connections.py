"""Connections of the asyncio client, and which streams share one."""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from weakref import WeakSet

import grpc
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub

from tocsin_client._channel_options import CLOSED, STREAMS_PER_CHANNEL, stream_options
from tocsin_client._target import Options, Target

if TYPE_CHECKING:
    from tocsin.v1.inbox_service_pb2_grpc import InboxServiceAsyncStub


class AsyncConnector:
    """Opens the channels of an asyncio client, in one event loop: each belongs to its own."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.proxy = target.proxy
        self._loop: asyncio.AbstractEventLoop | None = None

    def check_loop(self) -> None:
        """Raises RuntimeError where a call would hang."""
        if self._loop not in {None, asyncio.get_running_loop()}:
            raise RuntimeError(
                "the client connected in another event loop: make one in each event loop"
            )

    def open(self, options: Options) -> grpc.aio.Channel:
        self._loop = asyncio.get_running_loop()
        return self._target.aio_channel(options)


class AsyncStreamChannel:
    """A channel that carries streams alone."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self.inboxes: InboxServiceAsyncStub = InboxServiceStub(self._channel)
        # Weak, so that a holder that is dropped without being closed makes room too.
        self.holders: WeakSet[object] = WeakSet()
        self.retired = False

    async def ready(self) -> None:
        """Returns once it is connected; waits without a limit."""
        await self._channel.channel_ready()

    async def close(self) -> None:
        await self._channel.close()


class AsyncStreamChannels:
    """As many channels as the open streams need."""

    def __init__(self, connector: AsyncConnector) -> None:
        self._connector = connector
        self.proxy = connector.proxy
        self._channels: list[AsyncStreamChannel] = []
        self._closed = False

    def take(self, holder: object) -> AsyncStreamChannel:
        """A channel with room for one more stream; `holder` has the place until `release`.

        Raises:
            RuntimeError: They are closed: a new channel would stay open.
        """
        if self._closed:
            raise RuntimeError(CLOSED)
        self._connector.check_loop()
        for channel in self._channels:
            if not channel.retired and len(channel.holders) < STREAMS_PER_CHANNEL:
                break
        else:
            channel = AsyncStreamChannel(self._connector.open(stream_options()))
            self._channels.append(channel)
        channel.holders.add(holder)
        return channel

    async def release(self, channel: AsyncStreamChannel, holder: object) -> None:
        """Gives a place back; a channel whose link is dead closes with its last stream."""
        channel.holders.discard(holder)
        if channel.retired and not channel.holders and channel in self._channels:
            self._channels.remove(channel)
            await channel.close()

    async def close(self) -> None:
        """Closes every channel, and opens no other."""
        self._closed = True
        async with AsyncExitStack() as ends:
            while self._channels:
                ends.push_async_callback(self._channels.pop().close)
