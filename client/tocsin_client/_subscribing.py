"""Follows one inbox over as many streams as it takes."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

import grpc
from tocsin.v1.inbox_service_pb2 import SubscribeRequest, SubscribeResponse

from tocsin_client._channel import AsyncStreamChannel, AsyncStreamChannels
from tocsin_client._cursors import Bookmark
from tocsin_client._errors import error_from
from tocsin_client._resuming import InboxUpdate, Progress

_Call = grpc.aio.UnaryStreamCall[SubscribeRequest, SubscribeResponse]

Sleep = Callable[[float], Awaitable[object]]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class AsyncSubscription:
    """Follows one inbox: an async iterator of `InboxUpdate`, made by `AsyncClient.subscribe`.

    It goes on when a server restarts or a link fails, from the last cursor, until it is closed or
    fails for good. Cancelling a wait for the next update, as a timeout does, loses nothing and
    keeps the stream: iterate again. One task at a time may iterate.

    Usable as an async context manager, which closes it.
    """

    def __init__(
        self, channels: AsyncStreamChannels, progress: Progress, bookmark: Bookmark, sleep: Sleep
    ) -> None:
        self._channels = channels
        self._progress = progress
        self._bookmark = bookmark
        self._sleep = sleep
        self._cursor = progress.cursor
        self._channel: AsyncStreamChannel | None = None
        self._call: _Call | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        # Outlives a cancelled `__anext__`, one update ahead of the user at most.
        self._step: asyncio.Task[InboxUpdate] | None = None
        self._waiting = False
        self._closed = False

    @property
    def cursor(self) -> str:
        """Resumes after the updates given so far; at first the one given, empty in a SNAPSHOT.

        It may be newer than the last update's: heartbeats renew it.
        """
        return self._cursor

    @property
    def violations(self) -> int:
        """How often the server broke the rules that prove that nothing is missing."""
        return self._progress.violations

    @property
    def interruption(self) -> str:
        """Why the last stream ended, while none has taken its place; empty otherwise."""
        return self._progress.interruption

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> InboxUpdate:
        """The next update.

        Raises:
            CallError: The stream failed in a way that another would not mend: InvalidArgument,
                NotFound, Unauthenticated, PermissionDenied and their like.
            ContiguityError: The stream broke a rule, and the subscription is strict.
        """
        if self._closed:
            raise StopAsyncIteration
        if self._waiting:
            raise RuntimeError("another task iterates over this subscription")
        if self._step is None:
            self._step = asyncio.create_task(self._advance())
        self._waiting = True
        try:
            await asyncio.wait({self._step})
        finally:
            self._waiting = False
        if self._closed:
            raise StopAsyncIteration
        step, self._step = self._step, None
        try:
            update = step.result()
        except BaseException:
            await self.aclose()
            raise
        self._cursor = self._progress.cursor
        return update

    async def aclose(self) -> None:
        """Ends the stream; the iteration ends too. Repeating it does nothing."""
        self._closed = True
        if self._step is not None:
            self._step.cancel()
            await asyncio.wait({self._step})
            if not self._step.cancelled():
                # What was not given counts as not read: the cursor does not cover it.
                self._step.exception()
        await self._leave()

    def __del__(self) -> None:
        # Dropped without a word, by `break` in a loop: grpc alone would keep the stream open. The
        # collector may run in any thread.
        if self._call is not None and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._call.cancel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _advance(self) -> InboxUpdate:
        progress = self._progress
        if not self._bookmark.loaded:
            progress.cursor = self._cursor = await _in_thread(self._bookmark.load)
        # Whoever asks has finished what was given.
        await self._save(self._cursor)
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
                self._cursor = progress.cursor
            else:
                await self._leave()

    async def _save(self, cursor: str) -> None:
        if self._bookmark.lacks(cursor):
            await _in_thread(self._bookmark.save, cursor)

    async def _open(self) -> _Call:
        if self._progress.delay is not None:
            await self._sleep(self._progress.delay)
        self._loop = asyncio.get_running_loop()
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
