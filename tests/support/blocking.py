"""The client that blocks, behind the face of the asyncio one: one suite tests both."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Self, TypeVar, cast

from tocsin_client import AsyncClient, Client, InboxUpdate, LiveInbox, Subscription

_T = TypeVar("_T")

# More than any test waits in at once; asyncio's own threads are few, and would wait for one another.
_THREADS = ThreadPoolExecutor(256, thread_name_prefix="blocking")
_END = object()


def in_threads(client: Client) -> AsyncClient:
    """An asyncio client whose every call blocks a thread, in `client`."""
    return cast("AsyncClient", _InThreads(client))


async def in_thread(function: Callable[..., _T], *args: object, **kwargs: object) -> _T:
    return await asyncio.get_running_loop().run_in_executor(
        _THREADS, lambda: function(*args, **kwargs)
    )


class _InThreads:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await in_thread(self._client.close)

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._client, name)

        def call(*args: object, **kwargs: object) -> object:
            if name == "subscribe":
                return _SubscriptionInThreads(method(*args, **kwargs))
            if name == "inbox":
                return _InboxInThreads(method(*args, **kwargs))
            if name.startswith("list_"):
                return _each(method(*args, **kwargs))
            return in_thread(method, *args, **kwargs)

        return call


async def _each(items: Iterator[object]) -> AsyncIterator[object]:
    while (item := await in_thread(next, items, _END)) is not _END:
        yield item


class _SubscriptionInThreads:
    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    def __getattr__(self, name: str) -> object:
        return getattr(self._subscription, name)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> InboxUpdate:
        update: InboxUpdate | None = await in_thread(next, self._subscription, None)
        if update is None:
            raise StopAsyncIteration
        return update

    async def aclose(self) -> None:
        await in_thread(self._subscription.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _InboxInThreads:
    def __init__(self, inbox: LiveInbox) -> None:
        self._inbox = inbox

    def __getattr__(self, name: str) -> object:
        value = getattr(self._inbox, name)
        if name == "wait_for" or name.startswith("mark_"):
            return partial(in_thread, value)
        return value

    async def aclose(self) -> None:
        await in_thread(self._inbox.close)

    async def __aenter__(self) -> Self:
        await in_thread(self._inbox.__enter__)
        return self

    async def __aexit__(self, *exit_with: object) -> None:
        await in_thread(self._inbox.__exit__, *exit_with)
