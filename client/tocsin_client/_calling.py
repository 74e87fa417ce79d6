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

from tocsin_client import _spans
from tocsin_client._channel import AsyncConnector, Connector, unary_options
from tocsin_client._errors import RpcFailure, error_from, obstacle_in

if TYPE_CHECKING:
    from tocsin.v1.channel_service_pb2_grpc import ChannelServiceAsyncStub
    from tocsin.v1.inbox_service_pb2_grpc import InboxServiceAsyncStub
    from tocsin.v1.message_service_pb2_grpc import MessageServiceAsyncStub


# Seconds.
TIMEOUT = 30.0

_NO_ANSWER = grpc.StatusCode.DEADLINE_EXCEEDED

# Any server answers it at once; what counts is whether there is one.
_PROBE = "/grpc.health.v1.Health/Check"
# Of what the call in vain took, and in seconds.
_PROBE_SHARE = 0.1
_PROBE_SECONDS = 0.2


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
        self._timeout = _spans.timeout(timeout)
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
        self,
        method: "grpc.UnaryUnaryMultiCallable[_Request, _Response]",
        request: _Request,
        timeout: float | None,
    ) -> _Response:
        self.check_open()
        seconds = self._timeout if timeout is None else _spans.timeout(timeout)
        try:
            # The service config's waitForReady does not cover a name that is not known yet.
            return method(request, timeout=seconds, wait_for_ready=True)
        except grpc.RpcError as failure:
            # `close` in another thread ends calls with CANCELLED.
            self.check_open()
            # What grpc raises is a call, too.
            failed = cast("RpcFailure", failure)
            raise error_from(failed, self._obstacle(failed, seconds)) from failure
        except ValueError:
            # So grpc says that its channel is closed.
            self.check_open()
            raise

    def pages(
        self,
        method: "grpc.UnaryUnaryMultiCallable[_PagedRequestT, _PageT]",
        request: _PagedRequestT,
        timeout: float | None,
    ) -> Iterator[_PageT]:
        """Every page from the one that `request` asks for."""
        while True:
            page = self(method, request, timeout)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _obstacle(self, failure: RpcFailure, seconds: float) -> str:
        """Why a call in vain found no server: gRPC says so only to a call that does not wait."""
        connection = self._connection
        if failure.code() is not _NO_ANSWER or connection is None:
            return ""
        try:
            connection.probe(b"", timeout=_probe_seconds(seconds), wait_for_ready=False)
        except grpc.RpcError as refusal:
            return obstacle_in(cast("RpcFailure", refusal))
        except ValueError:
            # So grpc says that its channel is closed, in another thread: nobody minds any more.
            pass
        return ""

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
        self.probe: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_PROBE)
        self.close = channel.close


class AsyncCalls:
    """The services of one target, and how their methods are called.

    Nothing connects before the first call: a channel belongs to the event loop that runs then.
    """

    def __init__(self, connector: AsyncConnector, timeout: float) -> None:
        self._connector = connector
        self._timeout = _spans.timeout(timeout)
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
        seconds = self._timeout if timeout is None else _spans.timeout(timeout)
        try:
            # The service config's waitForReady does not cover a name that is not known yet.
            return await method(request, timeout=seconds, wait_for_ready=True)
        except grpc.aio.AioRpcError as failure:
            raise error_from(failure, await self._obstacle(failure, seconds)) from failure
        except asyncio.CancelledError:
            if not _is_cancelled():
                # Not the caller was cancelled, but the call, by `aclose`.
                self.check_open()
            raise

    async def pages(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_PagedRequestT, _PageT],
        request: _PagedRequestT,
        timeout: float | None,
    ) -> AsyncIterator[_PageT]:
        """Every page from the one that `request` asks for."""
        while True:
            page = await self(method, request, timeout)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def _obstacle(self, failure: RpcFailure, seconds: float) -> str:
        """Why a call in vain found no server: gRPC says so only to a call that does not wait."""
        if failure.code() is not _NO_ANSWER:
            return ""
        probe: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(_PROBE)
        try:
            await probe(b"", timeout=_probe_seconds(seconds), wait_for_ready=False)
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


def _probe_seconds(seconds: float) -> float:
    """How long a call that took so long in vain may take longer, to find out why."""
    return min(_PROBE_SECONDS, _PROBE_SHARE * seconds)


def _is_cancelled() -> bool:
    """Whether somebody cancelled the task that runs."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
