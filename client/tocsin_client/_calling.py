"""Unary calls: each ends with a response, or with an exception of our own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

import grpc
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub

from tocsin_client._channel import Connector, unary_options
from tocsin_client._errors import RpcFailure, error_from
from tocsin_client._target import Target

if TYPE_CHECKING:
    from tocsin.v1.channel_service_pb2_grpc import ChannelServiceAsyncStub
    from tocsin.v1.inbox_service_pb2_grpc import InboxServiceAsyncStub
    from tocsin.v1.message_service_pb2_grpc import MessageServiceAsyncStub


# Seconds.
TIMEOUT = 30.0


class _PagedRequest(Protocol):
    page_token: str


class _Page(Protocol):
    next_page_token: str


_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_PagedRequestT = TypeVar("_PagedRequestT", bound=_PagedRequest)
_PageT = TypeVar("_PageT", bound=_Page)


class Calls:
    """The services of one target, and how the methods of any thread call them.

    Nothing connects before the first call.
    """

    def __init__(self, connector: Connector, timeout: float) -> None:
        self._connector = connector
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection: _Connection | None = None
        self.closed = False

    @property
    def channels(self) -> ChannelServiceStub:
        return self._connected().channels

    @property
    def messages(self) -> MessageServiceStub:
        return self._connected().messages

    @property
    def inboxes(self) -> InboxServiceStub:
        return self._connected().inboxes

    def __call__(
        self, method: "grpc.UnaryUnaryMultiCallable[_Request, _Response]", request: _Request
    ) -> _Response:
        self.check_open()
        try:
            # The service config's waitForReady does not cover a name that is not known yet.
            return method(request, timeout=self._timeout, wait_for_ready=True)
        except grpc.RpcError as failure:
            # `close` in another thread ends calls with CANCELLED.
            self.check_open()
            # What grpc raises is a call, too.
            raise error_from(cast("RpcFailure", failure)) from failure
        except ValueError:
            # So grpc says that its channel is closed.
            self.check_open()
            raise

    def pages(
        self,
        method: "grpc.UnaryUnaryMultiCallable[_PagedRequestT, _PageT]",
        request: _PagedRequestT,
    ) -> Iterator[_PageT]:
        """Every page from the one that `request` asks for."""
        while True:
            page = self(method, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def check_open(self) -> None:
        self._connector.check_process()
        if self.closed:
            raise RuntimeError("the client is closed")

    def close(self) -> None:
        with self._lock:
            self.closed = True
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> "_Connection":
        self.check_open()
        with self._lock:
            self.check_open()
            if self._connection is None:
                self._connection = _Connection(self._connector.open(unary_options()))
            return self._connection


class _Connection:
    """A channel for unary calls, and its stubs."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.channels = ChannelServiceStub(channel)
        self.messages = MessageServiceStub(channel)
        self.inboxes = InboxServiceStub(channel)
        self.close = channel.close


class AsyncCalls:
    """The services of one target, and how their methods are called.

    Nothing connects before the first call: a channel belongs to the event loop that runs then.
    """

    def __init__(self, target: Target, timeout: float) -> None:
        self._target = target
        self._timeout = timeout
        self.closed = False

    @cached_property
    def channels(self) -> "ChannelServiceAsyncStub":
        return ChannelServiceStub(self._channel)

    @cached_property
    def messages(self) -> "MessageServiceAsyncStub":
        return MessageServiceStub(self._channel)

    @cached_property
    def inboxes(self) -> "InboxServiceAsyncStub":
        return InboxServiceStub(self._channel)

    @cached_property
    def _channel(self) -> grpc.aio.Channel:
        self.check_open()
        return self._target.aio_channel(unary_options())

    async def __call__(
        self, method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response], request: _Request
    ) -> _Response:
        self.check_open()
        try:
            # The service config's waitForReady does not cover a name that is not known yet.
            return await method(request, timeout=self._timeout, wait_for_ready=True)
        except grpc.aio.AioRpcError as failure:
            raise error_from(failure) from failure
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and not task.cancelling():
                # Not the caller was cancelled, but the call, by `close`.
                self.check_open()
            raise

    async def pages(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_PagedRequestT, _PageT],
        request: _PagedRequestT,
    ) -> AsyncIterator[_PageT]:
        """Every page from the one that `request` asks for."""
        while True:
            page = await self(method, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def check_open(self) -> None:
        if self.closed:
            raise RuntimeError("the client is closed")

    async def close(self) -> None:
        self.closed = True
        if "_channel" in self.__dict__:
            await self._channel.close()
