"""Unary calls that are awaited: each ends with a response, or with an exception of our own."""

import asyncio
from collections.abc import AsyncIterator
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import grpc
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub

from tocsin_client import _durations, _retries
from tocsin_client._async_connections import AsyncConnector
from tocsin_client._channel_options import unary_options
from tocsin_client._errors import RpcFailure, error_from, obstacle_in
from tocsin_client._retries import PagedRequestT, PageT

if TYPE_CHECKING:
    from tocsin.v1.channel_service_pb2_grpc import ChannelServiceAsyncStub
    from tocsin.v1.inbox_service_pb2_grpc import InboxServiceAsyncStub
    from tocsin.v1.message_service_pb2_grpc import MessageServiceAsyncStub

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class AsyncCalls:
    """The services of one target, and how their methods are called.

    Nothing connects before the first call: a channel belongs to the event loop that runs then.
    """

    def __init__(self, connector: AsyncConnector, timeout: float) -> None:
        self._connector = connector
        self._timeout = _durations.timeout(timeout)
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
        return self._connector.open(unary_options())

    async def __call__(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        timeout: float | None,
    ) -> _Response:
        self.check_open()
        self._connector.check_loop()
        seconds = self._timeout if timeout is None else _durations.timeout(timeout)
        try:
            # The service config's waitForReady does not cover a name that is not known yet.
            return await method(request, timeout=seconds, wait_for_ready=True)
        except grpc.aio.AioRpcError as failure:
            obstacle = await self._obstacle(failure, seconds)
            raise error_from(failure, obstacle, self._connector.proxy) from failure
        except asyncio.CancelledError:
            if not _is_cancelled():
                # Not the caller was cancelled, but the call, by `aclose`.
                self.check_open()
            raise

    async def pages(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[PagedRequestT, PageT],
        request: PagedRequestT,
        timeout: float | None,
    ) -> AsyncIterator[PageT]:
        """Every page from the one that `request` asks for."""
        while True:
            page = await self(method, request, timeout)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def _obstacle(self, failure: RpcFailure, seconds: float) -> str:
        """Why a call in vain found no server: gRPC says so only to a call that does not wait."""
        if failure.code() is not _retries.NO_ANSWER:
            return ""
        probe: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            _retries.PROBE
        )
        try:
            await probe(b"", timeout=_retries.probe_seconds(seconds), wait_for_ready=False)
        except grpc.aio.AioRpcError as refusal:
            return obstacle_in(refusal)
        except (asyncio.CancelledError, grpc.aio.UsageError):
            # Unless the caller was cancelled, `aclose` has ended it: nobody minds any more.
            if _is_cancelled():
                raise
        return ""

    def check_open(self) -> None:
        if self.closed:
            raise RuntimeError("the client is closed")

    async def close(self) -> None:
        self.closed = True
        if "_channel" in self.__dict__:
            await self._channel.close()


def _is_cancelled() -> bool:
    """Whether somebody cancelled the task that runs."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
