"""Reads one inbox's streams in tasks, at most one update ahead of the caller.

A task goes on when the caller stops waiting, and the next call waits for the same task. Tasks refer
to the reader and not to the subscription, so that Python can collect a subscription that is dropped
without being closed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

import grpc
from tocsin.v1.inbox_service_pb2 import SubscribeRequest, SubscribeResponse

from tocsin_client._async_connections import AsyncStreamChannel, AsyncStreamChannels
from tocsin_client._cursors import Bookmark
from tocsin_client._errors import error_from
from tocsin_client._progress import InboxUpdate, Progress

Sleep = Callable[[float], Awaitable[object]]

_Call = grpc.aio.UnaryStreamCall[SubscribeRequest, SubscribeResponse]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class AsyncReader:
    """Reads an update when one is requested."""

    def __init__(
        self, channels: AsyncStreamChannels, progress: Progress, bookmark: Bookmark, sleep: Sleep
    ) -> None:
        self._channels = channels
        self._progress = progress
        self._bookmark = bookmark
        self._sleep = sleep
        # Covers what was returned; may be newer, but never covers what was not.
        self.cursor = progress.cursor
        self._channel: AsyncStreamChannel | None = None
        self._call: _Call | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._step: asyncio.Task[InboxUpdate] | None = None

    def request(self) -> "asyncio.Task[InboxUpdate]":
        """Requests one update, unless one is requested; `take` returns the task's result."""
        if self._loop not in {None, asyncio.get_running_loop()}:
            raise RuntimeError("the subscription began in another event loop")
        if self._step is None:
            self._loop = asyncio.get_running_loop()
            self._step = asyncio.create_task(self._advance())
        return self._step

    def take(self) -> InboxUpdate:
        """The requested update; call it once its task is done.

        Raises:
            CallError: The stream failed for good.
            ContiguityError: The stream broke a rule, and the subscription is strict.
        """
        assert self._step is not None  # noqa: S101  # by the order of calls
        step, self._step = self._step, None
        update = step.result()
        self.cursor = self._progress.cursor
        return update

    async def close(self) -> None:
        """Ends the stream and the task that reads it. Repeating it does nothing."""
        try:
            if self._step is not None:
                self._step.cancel()
                await asyncio.wait({self._step})
                if not self._step.cancelled():
                    # The caller did not get its result: the cursor does not cover it.
                    self._step.exception()
        finally:
            await self._leave()

    def drop(self) -> None:
        """Ends the stream from any thread: gRPC would keep it open."""
        # A closed event loop has ended the stream.
        with suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._step is not None and not self._step.cancel() and not self._step.cancelled():
            self._step.exception()  # marks it as retrieved
        if self._call is not None:
            self._call.cancel()

    async def _advance(self) -> InboxUpdate:
        progress = self._progress
        if not self._bookmark.loaded:
            progress.cursor = self.cursor = await _in_thread(self._bookmark.load)
        # The caller requests the next update when it has finished the last one.
        await self._save(self.cursor)
        while True:
            response = await self._read(self._call or await self._open())
            if response is not None:
                update = progress.receive(response)
                if progress.delay is not None:
                    await self._leave()
                if update is not None:
                    if update.starts_over:
                        await self._save("")
                    return update
                # The caller does not get this response: the new cursor covers the same updates.
                self.cursor = progress.cursor
            else:
                await self._leave()

    async def _save(self, cursor: str) -> None:
        if self._bookmark.lacks(cursor):
            await _in_thread(self._bookmark.save, cursor)

    async def _open(self) -> _Call:
        if self._progress.delay is not None:
            await self._sleep(self._progress.delay)
        self._channel = self._channels.take(self)
        if self._progress.waits_for_server:
            await self._channel.ready()
        self._call = self._channel.inboxes.Subscribe(self._progress.open_stream())
        return self._call

    async def _read(self, call: _Call) -> SubscribeResponse | None:
        """The stream's next response; None when it has ended and another may follow."""
        try:
            async with asyncio.timeout(self._progress.patience):
                response = await call.read()
        except TimeoutError:
            # The link may be half-open: no other stream may start on it.
            if self._channel is not None:
                self._channel.retired = True
            self._progress.interrupt(f"no response for {self._progress.patience:g} s")
            return None
        except grpc.aio.AioRpcError as failure:
            error = error_from(failure, proxy=self._channels.proxy)
            if not self._progress.survives(error):
                raise error from failure
            return None
        if isinstance(response, SubscribeResponse):
            return response
        self._progress.interrupt("the server ended it")
        return None

    async def _leave(self) -> None:
        call, self._call = self._call, None
        channel, self._channel = self._channel, None
        if call is not None:
            call.cancel()
        if channel is not None:
            await self._channels.release(channel, self)


async def _in_thread(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Calls a function that may block; when cancelled, returns only after the function has."""
    work = asyncio.create_task(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise
