"""Connections to a server: their options, what may be retried, and who shares one."""

import asyncio
import json
import os
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from typing import TYPE_CHECKING
from weakref import WeakSet

import grpc
from tocsin.v1 import channel_service_pb2, inbox_service_pb2, message_service_pb2
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub

from tocsin_client._target import Options, Target

if TYPE_CHECKING:
    from tocsin.v1.inbox_service_pb2_grpc import InboxServiceAsyncStub

_CLOSED = "the client is closed"

# Above 100, a server's usual limit, a connection's next stream hangs without a word.
STREAMS_PER_CHANNEL = 90

_OPTIONS: list[tuple[str, int | str]] = [
    # A dead link is found, an idle one's too, while a call that it swallowed has time to be
    # repeated; servers take a ping in 10 s.
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    # A server that starts again is found within about a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # It bounds an attempt, too: after so long another replaces one that gets no answer.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    # Otherwise channels to one target share a connection, and streams starve unary calls.
    ("grpc.use_local_subchannel_pool", 1),
]


def unary_options() -> list[tuple[str, int | str]]:
    return [
        *_OPTIONS,
        ("grpc.service_config", json.dumps(_service_config())),
        # A request larger than the buffer is not retried: hold the largest, 4 MiB.
        ("grpc.per_rpc_retry_buffer_size", 8 << 20),
    ]


def stream_options() -> list[tuple[str, int | str]]:
    # A stream is resumed from its cursor, never repeated by the channel.
    return [*_OPTIONS, ("grpc.enable_retries", 0)]


def _service_config() -> dict[str, object]:
    """Every unary call waits for a server and is repeated: its request id makes that safe."""
    services = [
        *channel_service_pb2.DESCRIPTOR.services_by_name.values(),
        *message_service_pb2.DESCRIPTOR.services_by_name.values(),
        *inbox_service_pb2.DESCRIPTOR.services_by_name.values(),
    ]
    names = [
        {"service": service.full_name, "method": method.name}
        for service in services
        for method in service.methods
        if not method.server_streaming
    ]
    policy = {
        "maxAttempts": 5,
        "initialBackoff": "0.1s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        # A server that stops answers CANCELLED to calls which it has not begun.
        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
    }
    return {"methodConfig": [{"name": names, "waitForReady": True, "retryPolicy": policy}]}


Connect = Callable[[Options], grpc.Channel]


class Connector:
    """Opens the channels of a synchronous client, in one process.

    Threads of gRPC do not survive a fork: what another process opened would hang.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._process: int | None = None

    @property
    def forked(self) -> bool:
        """Whether this is another process than that which opened the channels."""
        return self._process is not None and self._process != os.getpid()

    def check_process(self) -> None:
        """Raises RuntimeError where a call would hang."""
        if self.forked:
            raise RuntimeError(
                "the client connected before this process was forked: make one in each process"
            )

    def open(self, options: Options) -> grpc.Channel:
        self._process = os.getpid()
        return self._connect(options)


class AsyncConnector:
    """Opens the channels of an asyncio client, in one event loop: each belongs to its own."""

    def __init__(self, target: Target) -> None:
        self._target = target
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


class StreamChannel:
    """A channel that carries streams alone."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self.inboxes = InboxServiceStub(channel)
        self.streams = 0
        self.retired = False

    def close(self) -> None:
        self._channel.close()


class StreamChannels:
    """As many channels as the open streams of all threads need."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._lock = threading.Lock()
        self._channels: list[StreamChannel] = []
        self._closed = False

    def take(self) -> StreamChannel:
        """A channel with room for one more stream, which takes it up until `release`.

        Raises:
            RuntimeError: They are closed: nobody would close another.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError(_CLOSED)
            for channel in self._channels:
                if not channel.retired and channel.streams < STREAMS_PER_CHANNEL:
                    break
            else:
                channel = StreamChannel(self._connector.open(stream_options()))
                self._channels.append(channel)
            channel.streams += 1
        return channel

    def release(self, channel: StreamChannel) -> None:
        """Gives a place back; a channel whose link is dead closes with its last stream."""
        with self._lock:
            channel.streams -= 1
            over = channel.retired and not channel.streams and channel in self._channels
            if over:
                self._channels.remove(channel)
        if over:
            channel.close()

    def close(self) -> None:
        """Closes every channel, and opens no other."""
        with ExitStack() as ends, self._lock:
            self._closed = True
            for channel in self._channels:
                ends.callback(channel.close)
            self._channels = []


class AsyncStreamChannel:
    """A channel that carries streams alone."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self.inboxes: InboxServiceAsyncStub = InboxServiceStub(self._channel)
        # Weak, so that a holder that is dropped without a word makes room too.
        self.holders: WeakSet[object] = WeakSet()
        self.retired = False

    async def ready(self) -> None:
        """Returns once it is connected, however long that takes."""
        await self._channel.channel_ready()

    async def close(self) -> None:
        await self._channel.close()


class AsyncStreamChannels:
    """As many channels as the open streams need."""

    def __init__(self, connector: AsyncConnector) -> None:
        self._connector = connector
        self._channels: list[AsyncStreamChannel] = []
        self._closed = False

    def take(self, holder: object) -> AsyncStreamChannel:
        """A channel with room for one more stream, which `holder` takes up until `release`.

        Raises:
            RuntimeError: They are closed: nobody would close another.
        """
        if self._closed:
            raise RuntimeError(_CLOSED)
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
