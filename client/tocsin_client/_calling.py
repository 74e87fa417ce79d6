"""Unary calls from asyncio: each ends with a response, or with an exception of our own."""

import asyncio
from collections.abc import AsyncIterator
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar

import grpc
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub

from tocsin_client._channel import unary_options
from tocsin_client._errors import error_from

if TYPE_CHECKING:
    from tocsin.v1.channel_service_pb2_grpc import ChannelServiceAsyncStub
    from tocsin.v1.inbox_service_pb2_grpc import InboxServiceAsyncStub
    from tocsin.v1.message_service_pb2_grpc import MessageServiceAsyncStub


class _PagedRequest(Protocol):
    page_token: str


class _Page(Protocol):
    next_page_token: str


_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_PagedRequestT = TypeVar("_PagedRequestT", bound=_PagedRequest)
_PageT = TypeVar("_PageT", bound=_Page)


class AsyncCalls:
    """The services of one target, and how their methods are called.

    Nothing connects before the first call: a channel belongs to the event loop that runs then.
    """

    def __init__(self, target: str, timeout: float) -> None:
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
        return grpc.aio.insecure_channel(self._target, options=unary_options())

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
