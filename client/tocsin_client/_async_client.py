"""The asyncio client."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self
from weakref import WeakSet

from tocsin_client._async_connections import AsyncConnector, AsyncStreamChannels
from tocsin_client._async_live_inbox import AsyncLiveInbox
from tocsin_client._async_services.channels import AsyncChannels
from tocsin_client._async_services.marks import AsyncMarks
from tocsin_client._async_services.messages import AsyncMessages
from tocsin_client._async_stream_reader import AsyncReader, Sleep
from tocsin_client._async_subscription import AsyncSubscription
from tocsin_client._async_unary import AsyncCalls
from tocsin_client._cursors import Bookmark, CursorStore
from tocsin_client._progress import Progress
from tocsin_client._retries import TIMEOUT, Pacing
from tocsin_client._target import parse_target


class AsyncClient(AsyncChannels, AsyncMessages, AsyncMarks):
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

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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

    def subscribe(
        self,
        user_id: str,
        *,
        cursor: str | None = None,
        cursor_store: CursorStore | None = None,
        snapshot_size: int = 0,
        heartbeat_interval: float = 30.0,
        heartbeats: bool = False,
        strict: bool = False,
    ) -> AsyncSubscription:
        """Follows an inbox: an async iterator of `InboxUpdate` that misses nothing.

        It resumes by itself, from the last cursor, when a server restarts or a link fails. Use it
        as an async context manager where you leave it before the client closes.

        Args:
            user_id: Whose inbox.
            cursor: Where to resume: an update's `cursor`. By default, and when it is empty, a
                SNAPSHOT comes first.
            cursor_store: Where the user's cursor is read at first, and saved from then on, so that
                every update is processed at least once; see `CursorStore`.
            snapshot_size: How many notifications a SNAPSHOT holds at most, up to 1,000; 0 is 50.
            heartbeat_interval: After how many idle seconds the server sends a heartbeat, 1 to 300.
                The link counts as dead after 2.5 times as many and one second more.
            heartbeats: Return HEARTBEAT and RECONNECT updates too.
            strict: Raise ContiguityError when the server breaks a rule that proves that nothing
                is missing, instead of counting it in `violations`.

        It waits for a server, and while the user already has 16 streams open; the log
        (`tocsin_client`, INFO) says so.

        Raises:
            ValueError: `heartbeat_interval` is not more than 0, or no duration; or both `cursor`
                and `cursor_store` are passed.
            TypeError: An argument has the wrong type.
            RuntimeError: The client is closed.
        """
        self._calls.check_open()
        if cursor and cursor_store is not None:
            raise ValueError("pass cursor or cursor_store, not both")
        progress = Progress(
            user_id,
            cursor=cursor or "",
            snapshot_size=snapshot_size,
            heartbeat_interval=heartbeat_interval,
            heartbeats=heartbeats,
            strict=strict,
            pacing=self._pacing,
        )
        reader = AsyncReader(self._streams, progress, Bookmark(user_id, cursor_store), self._sleep)
        subscription = AsyncSubscription(reader, progress)
        self._subscriptions.add(subscription)
        return subscription

    def inbox(
        self,
        user_id: str,
        *,
        snapshot_size: int = 0,
        heartbeat_interval: float = 30.0,
        strict: bool = False,
        open_timeout: float | None = TIMEOUT,
    ) -> AsyncLiveInbox:
        """Keeps a copy of an inbox in memory, always current, for an application that shows a bell.

        Use it as an async context manager: entering returns once it has caught up.

        Args:
            user_id: Whose inbox.
            snapshot_size: How many of the newest notifications it holds at first, up to 1,000;
                0 is 50.
            heartbeat_interval: After how many idle seconds the server sends a heartbeat, 1 to 300.
            strict: End with a ContiguityError when the server breaks a rule that proves that
                nothing is missing; by default the log says so (`tocsin_client`, WARNING).
            open_timeout: How many seconds entering may take; None waits without a limit.

        Raises:
            ValueError: `heartbeat_interval` is not more than 0, or no duration.
            TypeError: An argument has the wrong type.
            RuntimeError: The client is closed.
        """
        subscription = self.subscribe(
            user_id,
            snapshot_size=snapshot_size,
            heartbeat_interval=heartbeat_interval,
            strict=strict,
        )
        return AsyncLiveInbox(subscription, self, user_id, open_timeout)
