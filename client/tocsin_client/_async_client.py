"""The asyncio client."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Self
from weakref import WeakSet

from tocsin_client._async_connections import AsyncConnector, AsyncStreamChannels
from tocsin_client._async_live_inbox import AsyncLiveInbox
from tocsin_client._async_services.channels import AsyncChannels
from tocsin_client._async_services.following import AsyncFollowing
from tocsin_client._async_services.marks import AsyncMarks
from tocsin_client._async_services.messages import AsyncMessages
from tocsin_client._async_stream_reader import AsyncReader, Sleep
from tocsin_client._async_subscription import AsyncSubscription
from tocsin_client._async_unary import AsyncCalls
from tocsin_client._cursors import Bookmark
from tocsin_client._progress import Progress
from tocsin_client._retries import TIMEOUT, Pacing
from tocsin_client._target import parse_target


class AsyncClient(AsyncChannels, AsyncMessages, AsyncMarks, AsyncFollowing):
    """Calls a server from asyncio.

    ```python
    async with AsyncClient("127.0.0.1:50051") as client:
        await client.send("marketing-clue", "A new lead", to=["alice"], url="/leads/42")
        async with client.subscribe("alice") as subscription:
            async for update in subscription:
                ...
    ```

    One client serves a whole program, from one event loop. It connects at its first call, and again
    whenever it must. A call that finds no server, or that the server asks to repeat, is repeated
    within `timeout`. Every change carries a request id, so that it happens once.

    Another event loop needs a client of its own: this one raises RuntimeError there, instead of
    hanging.

    Methods raise a `CallError`: DeadlineExceeded when no answer came in time, and the errors that
    their RPCs document. They raise TypeError for an argument of the wrong type, and RuntimeError
    when the client is closed. They return and list messages of `tocsin.v1`.
    """

    def __init__(
        self,
        target: str,
        *,
        timeout: float = TIMEOUT,
        root_certificates: bytes | None = None,
        _pacing: Pacing | None = None,
        _sleep: Sleep = asyncio.sleep,
        _on_silence: Callable[[str], object] | None = None,
    ) -> None:
        """Prepares a client; nothing connects yet.

        Args:
            target: `host:port`, `[ipv6]:port` or `unix:path`; or, where it is encrypted,
                `tls://host:port`.
            timeout: How many seconds a call may take, repeats included; each method takes another
                for one call. A call that gets no answer may take a tenth longer, at most 0.2
                seconds, to find out why. Streams have no limit.
            root_certificates: The certificates that `tls://` trusts, in PEM form. By default, those
                that the system trusts.

        Raises:
            ValueError: `target` has another form, `timeout` is no duration that a thread can wait
                for, or `root_certificates` do not fit.
            TypeError: An argument has the wrong type.
        """
        connector = AsyncConnector(parse_target(target, root_certificates))
        self._pacing = _pacing or Pacing()
        self._sleep = _sleep
        self._calls = AsyncCalls(connector, timeout, self._pacing, _sleep, _on_silence)
        self._streams = AsyncStreamChannels(connector)
        # Weak, so that Python can collect a subscription that is dropped without being closed.
        self._subscriptions: WeakSet[AsyncSubscription] = WeakSet()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends every subscription and call, and disconnects. Repeating it does nothing."""
        self._calls.closed = True
        # When closing one of them raises, the others are closed all the same.
        async with AsyncExitStack() as ends:
            ends.push_async_callback(self._calls.close)
            ends.push_async_callback(self._streams.close)
            for subscription in list(self._subscriptions):
                ends.push_async_callback(subscription.aclose)

    def _open(self, progress: Progress, bookmark: Bookmark) -> AsyncSubscription:
        reader = AsyncReader(self._streams, progress, bookmark, self._sleep)
        subscription = AsyncSubscription(reader, progress)
        self._subscriptions.add(subscription)
        return subscription

    def _live_inbox(
        self, subscription: AsyncSubscription, user_id: str, open_timeout: float | None
    ) -> AsyncLiveInbox:
        return AsyncLiveInbox(subscription, self, user_id, open_timeout)
