"""Reads one inbox's streams in tasks, one update ahead of its user at most.

A task that reads outlives whoever waited for it, and is waited for again. It knows the reader,
and not the subscription: so one that is dropped without a word is seen to be.
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
from tocsin_client._resuming import InboxUpdate, Progress

Sleep = Callable[[float], Awaitable[object]]

_Call = grpc.aio.UnaryStreamCall[SubscribeRequest, SubscribeResponse]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class AsyncReader:
    """Reads what is asked for, and hands it over."""

    def __init__(
        self, channels: AsyncStreamChannels, progress: Progress, bookmark: Bookmark, sleep: Sleep
    ) -> None:
        self._channels = channels
        self._progress = progress
        self._bookmark = bookmark
        self._sleep = sleep
        # Covers what was handed over; may be newer, but never covers what was not.
        self.cursor = progress.cursor
        self._channel: AsyncStreamChannel | None = None
        self._call: _Call | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._step: asyncio.Task[InboxUpdate] | None = None

    def ask(self) -> "asyncio.Task[InboxUpdate]":
        """Asks for one update, unless one is asked for; `take` takes what comes of the task."""
        if self._loop not in {None, asyncio.get_running_loop()}:
            raise RuntimeError("the subscription began in another event loop")
        if self._step is None:
            self._loop = asyncio.get_running_loop()
            self._step = asyncio.create_task(self._advance())
        return self._step

    def take(self) -> InboxUpdate:
        """The update that was asked for, whose task is done.

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
        """Ends the stream, and whatever reads it. Repeating it does nothing."""
        try:
            if self._step is not None:
                self._step.cancel()
                await asyncio.wait({self._step})
                if not self._step.cancelled():
                    # What was not given counts as not read: the cursor does not cover it.
                    self._step.exception()
        finally:
            await self._leave()

    def drop(self) -> None:
        """Ends the stream, in whatever thread: gRPC alone would keep it open."""
        # An event loop that is closed has ended it.
        with suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._step is not None and not self._step.cancel() and not self._step.cancelled():
            self._step.exception()  # nobody else will look at it
        if self._call is not None:
            self._call.cancel()

    async def _advance(self) -> InboxUpdate:
        progress = self._progress
        if not self._bookmark.loaded:
            progress.cursor = self.cursor = await _in_thread(self._bookmark.load)
        # Whoever asks has finished what was given.
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
                # What is taken in and not given is covered by what was given before.
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
        """The stream's next response; None when it is over and another may follow."""
        try:
            async with asyncio.timeout(self._progress.patience):
                response = await call.read()
        except TimeoutError:
            # The link may be half-open: no other stream should start on it.
            if self._channel is not None:
                self._channel.retired = True
            self._progress.interrupt(f"no response for {self._progress.patience:g} s")
            return None
        except grpc.aio.AioRpcError as failure:
            error = error_from(failure)
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
    """What a store does, which may block; nothing of it goes on once this is cancelled."""
    work = asyncio.create_task(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise
