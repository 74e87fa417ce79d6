"""Connections of the client that blocks, and which threads share one."""

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack

import grpc
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub

from tocsin_client._channel_options import CLOSED, STREAMS_PER_CHANNEL, stream_options
from tocsin_client._target import Options

Connect = Callable[[Options], grpc.Channel]


class Connector:
    """Opens the channels of a synchronous client, in one process.

    Threads of gRPC do not survive a fork: a channel of another process would hang.
    """

    def __init__(self, connect: Connect, proxy: str = "") -> None:
        self._connect = connect
        self.proxy = proxy
        self._process: int | None = None

    @property
    def forked(self) -> bool:
        """Whether this process was forked from the one that opened the channels."""
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
        self.proxy = connector.proxy
        self._lock = threading.Lock()
        self._channels: list[StreamChannel] = []
        self._closed = False

    def take(self) -> StreamChannel:
        """A channel with room for one more stream; the place is taken until `release`.

        Raises:
            RuntimeError: They are closed: a new channel would stay open.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError(CLOSED)
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
