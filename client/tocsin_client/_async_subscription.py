"""A subscription for asyncio: follows one inbox, over as many streams as it takes."""

import asyncio
from typing import Self

from tocsin_client._async_stream_reader import AsyncReader
from tocsin_client._progress import InboxUpdate, Progress
from tocsin_client._subscription_state import SubscriptionState


class AsyncSubscription(SubscriptionState):
    """Follows one inbox: an async iterator of `InboxUpdate`, made by `AsyncClient.subscribe`.

    It goes on when a server restarts or a link fails, from the last cursor, until it is closed or
    fails for good. Cancelling a wait for the next update, as a timeout does, loses nothing and
    keeps the stream: iterate again. One task at a time may iterate.

    Usable as an async context manager, which closes it.
    """

    def __init__(self, reader: AsyncReader, progress: Progress) -> None:
        self._reader: AsyncReader = reader
        self._progress = progress
        self._waiting = False
        self._closed = False

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
        self._waiting = True
        try:
            step = self._reader.request()
            # An update that is there already is returned even when no time is left.
            if not step.done():
                await asyncio.wait({step})
        finally:
            self._waiting = False
        if self._closed:
            raise StopAsyncIteration
        try:
            return self._reader.take()
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Ends the stream; the iteration ends too. Repeating it does nothing."""
        self._closed = True
        await self._reader.close()

    def __del__(self) -> None:
        # Dropped without being closed, by `break` in a loop. The collector may run in any thread.
        if not self._closed:
            self._reader.drop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
