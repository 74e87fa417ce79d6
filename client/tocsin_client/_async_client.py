"""The asyncio client."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.channel_service_pb2 import GetChannelRequest, ListChannelsRequest
from tocsin.v1.inbox_pb2 import Inbox, Notification, NotificationFilter
from tocsin.v1.inbox_service_pb2 import GetInboxRequest
from tocsin.v1.message_pb2 import ContentFormat, Message, Severity
from tocsin.v1.message_service_pb2 import (
    BatchSendResult,
    GetMessageRequest,
    ListMessagesRequest,
    SendMessageRequest,
    SendMessageResponse,
)

from tocsin_client import _requests
from tocsin_client._calling import AsyncCalls
from tocsin_client._channel import StreamChannels, parse_target
from tocsin_client._resuming import Pacing, Progress
from tocsin_client._subscribing import AsyncSubscription, Sleep

_TIMEOUT = 30.0


class AsyncClient:
    """Calls a server from asyncio.

    ```python
    async with AsyncClient("127.0.0.1:50051") as client:
        await client.send("marketing-clue", "A new lead", to=["alice"], url="/leads/42")
        async for update in client.subscribe("alice"):
            ...
    ```

    One client serves a whole program, from one event loop: it connects at its first call, and
    again whenever it must. A call that finds no server waits for one and is repeated, within
    `timeout`; what changes something carries a request id, so that it happens once.

    Every method raises a `CallError`: DeadlineExceeded when no answer came in time, and what its
    RPC documents. What it returns and lists are the messages of `tocsin.v1`.
    """

    def __init__(
        self,
        target: str,
        *,
        timeout: float = _TIMEOUT,
        _pacing: Pacing | None = None,
        _sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Prepares a client; nothing connects yet.

        Args:
            target: `host:port`, `[ipv6]:port` or `unix:path`.
            timeout: How many seconds a call may take, repeats included. Streams have no limit.

        Raises:
            ValueError: `target` has another form.
        """
        parsed = parse_target(target)
        self._calls = AsyncCalls(parsed, timeout)
        self._streams = StreamChannels(parsed)
        self._pacing = _pacing or Pacing()
        self._sleep = _sleep
        # Weak, so that a subscription that is dropped without a word ends.
        self._subscriptions: WeakSet[AsyncSubscription] = WeakSet()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends every subscription and call, and disconnects. Repeating it does nothing."""
        self._calls.closed = True
        for subscription in list(self._subscriptions):
            await subscription.aclose()
        await self._streams.close()
        await self._calls.close()

    async def create_channel(
        self,
        channel_id: str,
        *,
        title: str,
        description: str = "",
        labels: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> Channel:
        """Creates a channel and returns it as it was stored.

        Args:
            channel_id: Its id, `[a-z0-9][a-z0-9_-]{0,62}`.
            title: What people call it, 1 to 200 characters.
            description: What it is for, at most 2,000 characters.
            labels: The application's own names and values, at most 32.
            request_id: Makes a repeat of this call safe. By default a new one.

        Raises:
            InvalidArgument: A field breaks its rule.
            AlreadyExists: The id is taken, or `request_id` was used for another request.
        """
        request = _requests.create_channel_request(
            channel_id,
            title=title,
            description=description,
            labels=labels,
            request_id=request_id,
        )
        return (await self._calls(self._calls.channels.CreateChannel, request)).channel

    async def get_channel(self, channel_id: str) -> Channel:
        """Reads one channel.

        Raises:
            NotFound: There is none of that id.
        """
        request = GetChannelRequest(channel_id=channel_id)
        return (await self._calls(self._calls.channels.GetChannel, request)).channel

    async def list_channels(self, *, page_size: int = 0) -> AsyncIterator[Channel]:
        """Every channel, by id. `page_size`: how many a call reads; 0 is 50."""
        request = ListChannelsRequest(page_size=page_size)
        async for page in self._calls.pages(self._calls.channels.ListChannels, request):
            for channel in page.channels:
                yield channel

    async def send(
        self,
        channel_id: str,
        title: str,
        *,
        to: str | Iterable[str],
        content: str = "",
        content_format: ContentFormat.ValueType = ContentFormat.CONTENT_FORMAT_UNSPECIFIED,
        url: str = "",
        mobile_url: str = "",
        data: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        severity: Severity.ValueType = Severity.SEVERITY_UNSPECIFIED,
        sender: str = "",
        request_id: str | None = None,
    ) -> SendMessageResponse:
        """Sends a message; when it returns, every recipient's inbox durably has it.

        Args:
            channel_id: The channel to send in.
            title: The headline, 1 to 200 characters.
            to: The recipients' user ids, or one user id; at most 1,000.
            content: The text, at most 10,000 characters.
            content_format: How `content` is written; plain by default.
            url: Where a click leads: `http`, `https`, or a path that starts with one `/`.
            mobile_url: Where a tap in a mobile application leads; by default `url`.
            data: The application's own data, as JSON has it; at most 16 KiB encoded.
                Numbers travel as doubles.
            labels: The application's own names and values, at most 32.
            severity: How much it matters; normal by default.
            sender: Who or what sends it, as people should read it.
            request_id: Makes a repeat of this call safe, for 24 hours. By default a new one,
                which covers the client's own repeats.

        Raises:
            InvalidArgument: A field breaks its rule.
            NotFound: There is no such channel.
            AlreadyExists: `request_id` was used for another request.
            ValueError: `data` holds what JSON has no word for, or is nested too deep.
        """
        request = _requests.make_send_request(
            channel_id,
            title,
            to=to,
            content=content,
            content_format=content_format,
            url=url,
            mobile_url=mobile_url,
            data=data,
            labels=labels,
            severity=severity,
            sender=sender,
            request_id=request_id,
        )
        return await self._calls(self._calls.messages.SendMessage, request)

    async def send_batch(self, requests: Iterable[SendMessageRequest]) -> list[BatchSendResult]:
        """Sends up to 500 messages to at most 5,000 recipients in all.

        Each stands alone: its result, in the order given, holds a `response` or an `error`. A
        request without a request id gets one, in a copy. `make_send_request` makes requests.

        Raises:
            InvalidArgument: There is no request, or more than the limits allow; nothing was sent.
        """
        request = _requests.batch_request(requests)
        return list((await self._calls(self._calls.messages.BatchSendMessages, request)).results)

    async def get_message(self, message_id: str) -> Message:
        """Reads one message.

        Raises:
            NotFound: There is none of that id.
        """
        request = GetMessageRequest(message_id=message_id)
        return (await self._calls(self._calls.messages.GetMessage, request)).message

    async def list_messages(self, channel_id: str, *, page_size: int = 0) -> AsyncIterator[Message]:
        """A channel's messages, latest first. `page_size`: how many a call reads."""
        request = ListMessagesRequest(channel_id=channel_id, page_size=page_size)
        async for page in self._calls.pages(self._calls.messages.ListMessages, request):
            for message in page.messages:
                yield message

    async def get_inbox(self, user_id: str) -> Inbox:
        """Reads an inbox's revision and counters, which belong to one another."""
        request = GetInboxRequest(user_id=user_id)
        return (await self._calls(self._calls.inboxes.GetInbox, request)).inbox

    async def list_notifications(
        self,
        user_id: str,
        *,
        channel_ids: str | Iterable[str] = (),
        filter: NotificationFilter.ValueType = NotificationFilter.NOTIFICATION_FILTER_ALL,  # noqa: A002  (the field's name)
        page_size: int = 0,
    ) -> AsyncIterator[Notification]:
        """An inbox's notifications, latest arrival first.

        Args:
            user_id: Whose inbox.
            channel_ids: Only these channels' notifications, at most 100; by default every one's.
            filter: Which notifications: all, unread or read.
            page_size: How many a call reads; 0 is 50.
        """
        request = _requests.list_notifications_request(
            user_id, channel_ids=channel_ids, filter=filter, page_size=page_size
        )
        async for page in self._calls.pages(self._calls.inboxes.ListNotifications, request):
            for notification in page.notifications:
                yield notification

    def subscribe(
        self,
        user_id: str,
        cursor: str = "",
        *,
        snapshot_size: int = 0,
        heartbeat_interval: float = 30.0,
        heartbeats: bool = False,
        strict: bool = False,
    ) -> AsyncSubscription:
        """Follows an inbox: an async iterator of `InboxUpdate` that misses nothing.

        It goes on by itself, from the last cursor, when a server restarts or a link fails. Use it
        as an async context manager where you leave it before the client closes.

        Args:
            user_id: Whose inbox.
            cursor: Where to go on: an update's `cursor`. By default a SNAPSHOT comes first.
            snapshot_size: How many notifications a SNAPSHOT holds at most, up to 1,000; 0 is 50.
            heartbeat_interval: After how many idle seconds the server shows life, 1 to 300. The
                link counts as dead after 2.5 times as many and one second more.
            heartbeats: Give HEARTBEAT and RECONNECT updates too.
            strict: Raise ContiguityError when the server breaks a rule that proves that nothing
                is missing, instead of counting it in `violations`.

        It waits for a server, and for a place where the user has 16 streams open already; the log
        (`tocsin_client`, INFO) says so.

        Raises:
            ValueError: `heartbeat_interval` is not more than 0, or no span of time.
        """
        self._calls.check_open()
        progress = Progress(
            user_id,
            cursor=cursor,
            snapshot_size=snapshot_size,
            heartbeat_interval=heartbeat_interval,
            heartbeats=heartbeats,
            strict=strict,
            pacing=self._pacing,
        )
        subscription = AsyncSubscription(self._streams, progress, self._sleep)
        self._subscriptions.add(subscription)
        return subscription
