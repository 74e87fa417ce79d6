"""Unary calls that are awaited: each ends with a response, or with an exception of our own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import grpc
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub

from tocsin_client import _durations
from tocsin_client._async_connections import AsyncConnector
from tocsin_client._channel_options import unary_options
from tocsin_client._errors import CallError, RpcFailure, error_from, obstacle_in
from tocsin_client._retries import (
    PROBE,
    SILENCE_SECONDS,
    Attempts,
    Pacing,
    PagedRequestT,
    PageT,
)

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

    def __init__(
        self,
        connector: AsyncConnector,
        timeout: float,
        pacing: Pacing | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        on_silence: Callable[[str], object] | None = None,
    ) -> None:
        """Prepares the calls.

        `on_silence` is called once with the cause, or an empty text, when a call has waited
        `SILENCE_SECONDS`.
        """
        self._connector = connector
        self._timeout = _durations.timeout(timeout)
        self._pacing = pacing or Pacing()
        self._sleep = sleep
        self._on_silence = on_silence
        self._closing = asyncio.Event()
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
        attempts = Attempts(seconds, self._pacing)
        if self._on_silence is None:
            return await self._until_answered(method, request, attempts)
        reporting = asyncio.ensure_future(self._report_silence(attempts))
        try:
            return await self._until_answered(method, request, attempts)
        finally:
            reporting.cancel()

    async def _until_answered(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        attempts: Attempts,
    ) -> _Response:
        """Calls a method, and repeats the call as long as `attempts` says so."""
        while True:
            try:
                return await method(request, timeout=attempts.seconds_left, wait_for_ready=True)
            except grpc.aio.AioRpcError as failure:
                delay = attempts.delay_after(error_from(failure, proxy=self._connector.proxy))
                if delay is None:
                    raise await self._final_error(failure, attempts) from failure
            except asyncio.CancelledError:
                if not _is_cancelled():
                    # `aclose` cancelled the call; the caller was not cancelled.
                    self.check_open()
                raise
            await self._pause(delay)

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

    async def _report_silence(self, attempts: Attempts) -> None:
        """Calls `on_silence` once, unless it is cancelled before."""
        await asyncio.sleep(SILENCE_SECONDS)
        report, self._on_silence = self._on_silence, None
        if report is not None:
            cause = await self._obstacle(attempts.probe_seconds)
            report(cause or (attempts.last_answer.message if attempts.last_answer else ""))

    async def _final_error(self, failure: RpcFailure, attempts: Attempts) -> CallError:
        obstacle = ""
        if failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            obstacle = await self._obstacle(attempts.probe_seconds)
        return error_from(
            failure,
            proxy=self._connector.proxy,
            obstacle=obstacle,
            last_answer=attempts.last_answer,
        )

    async def _obstacle(self, seconds: float) -> str:
        """Why no server can be reached: gRPC says so only to a call that does not wait for one."""
        probe: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(PROBE)
        try:
            await probe(b"", timeout=seconds, wait_for_ready=False)
        except grpc.aio.AioRpcError as refusal:
            return obstacle_in(refusal)
        except (asyncio.CancelledError, grpc.aio.UsageError):
            # Unless the caller was cancelled, `aclose` has ended the probe.
            if _is_cancelled():
                raise
        return ""

    async def _pause(self, delay: float) -> None:
        """Sleeps; `aclose` ends it."""
        sleeping = asyncio.ensure_future(self._sleep(delay))
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({sleeping, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            closing.cancel()
        self.check_open()

    def check_open(self) -> None:
        if self.closed:
            raise RuntimeError("the client is closed")

    async def close(self) -> None:
        self.closed = True
        self._closing.set()
        if "_channel" in self.__dict__:
            await self._channel.close()


def _is_cancelled() -> bool:
    """Whether the current task was cancelled."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
