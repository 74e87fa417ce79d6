"""Reads of inboxes: they return what the model has, and keep the promises."""

from asyncio import gather
from collections.abc import Awaitable, Iterable, Sequence

import grpc
from tocsin.v1.inbox_pb2 import Inbox as ProtoInbox
from tocsin.v1.inbox_pb2 import Notification, NotificationFilter
from tocsin.v1.inbox_service_pb2 import (
    GetInboxRequest,
    ListInboxChannelsRequest,
    ListNotificationsRequest,
)

from tests.histories.recording import Counters
from tests.stateful.model import Inbox, World, listed, recount, recount_channels
from tests.stateful.promises import (
    Broken,
    acknowledged_is_durable,
    counters_are_true,
    once,
    stands_in_order,
    yours_alone,
)
from tests.stateful.reading import copy_of
from tests.stateful.system import System


class Look:
    """Reads inboxes, and remembers the names in the responses."""

    def __init__(self, system: System, world: World) -> None:
        self.made: dict[str, set[str]] = {}
        """The messages that each request id made, for as long as it is remembered."""
        self.recipients: dict[str, Sequence[str]] = {}
        """The recipients of each message."""
        self.names: dict[str, str] = {}
        """The message of each notification's id."""
        self.ids: dict[tuple[str, str], str] = {}
        """The notification's id of each user and message."""
        self._system = system
        self._world = world

    async def at(self, user_ids: Iterable[str]) -> None:
        """Checks inboxes as reads return them."""
        named = sorted(set(user_ids))
        all_read = await gather(*(self._read(user_id) for user_id in named))
        for user_id, (read, notifications) in zip(named, all_read, strict=True):
            inbox = self._world.inboxes[user_id]
            self.learn(notifications)
            copies = [copy_of(notification) for notification in notifications]
            whose = ((each.user_id, each.message.message_id) for each in notifications)
            yours_alone(inbox, whose, self.recipients)
            acknowledged_is_durable(inbox, copies)
            once(self.made, inbox, copies)
            stands_in_order(inbox, read.revision, copies)
            counters_are_true(inbox.now, Counters.of(read))

    async def page_by_page(
        self,
        inbox: Inbox,
        which: NotificationFilter.ValueType,
        channel_ids: Sequence[str],
        size: int,
    ) -> None:
        """Lists notifications in small pages; another user cannot use their tokens."""
        request = ListNotificationsRequest(
            user_id=inbox.user_id, filter=which, channel_ids=channel_ids, page_size=size
        )
        found: list[Notification] = []
        while True:
            page = await self._system.inboxes.ListNotifications(request)
            assert len(page.notifications) <= size
            found += page.notifications
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
            request.user_id = next(user for user in self._world.inboxes if user != inbox.user_id)
            if await code_of(self._system.inboxes.ListNotifications(request)) is grpc.StatusCode.OK:
                raise Broken(
                    "yours_alone",
                    f"a page token of {inbox.user_id} was taken for {request.user_id}",
                )
            request.user_id = inbox.user_id
        wanted = {
            NotificationFilter.NOTIFICATION_FILTER_READ: (True,),
            NotificationFilter.NOTIFICATION_FILTER_UNREAD: (False,),
        }.get(which, (True, False))
        assert [copy_of(each) for each in found] == [
            copy
            for copy in listed(inbox.now)
            if (not channel_ids or copy.channel_id in channel_ids)
            and (copy.read_time is not None) in wanted
        ]

    async def channels_page_by_page(self, inbox: Inbox, size: int, *, unread_only: bool) -> None:
        """Lists an inbox's channels in small pages."""
        request = ListInboxChannelsRequest(
            user_id=inbox.user_id, unread_only=unread_only, page_size=size
        )
        returned: dict[str, Counters] = {}
        while True:
            page = await self._system.inboxes.ListInboxChannels(request)
            for each in page.inbox_channels:
                channel_id = each.channel.channel_id
                assert channel_id not in returned
                returned[channel_id] = Counters(
                    each.total_count, each.unread_count, each.unseen_count
                )
                [latest, *_] = (c for c in listed(inbox.now) if c.channel_id == channel_id)
                assert copy_of(each.latest_notification) == latest
            request.page_token = page.next_page_token
            if not page.next_page_token:
                break
        counters_are_true(inbox.now, recount(inbox.now.values()), returned)
        true = recount_channels(inbox.now)
        arrived = dict.fromkeys(copy.channel_id for copy in listed(inbox.now))
        assert list(returned) == [name for name in arrived if true[name].unread or not unread_only]

    def learn(self, notifications: Iterable[Notification]) -> None:
        """Takes note of whose and which message's a notification's id is: of one, for ever."""
        for each in notifications:
            owner = each.user_id, each.message.message_id
            if self.names.setdefault(each.notification_id, owner[1]) != owner[1]:
                raise Broken("once", f"{each.notification_id} stands for two messages")
            if self.ids.setdefault(owner, each.notification_id) != each.notification_id:
                raise Broken("once", f"{owner} has two notifications")

    async def _read(self, user_id: str) -> tuple[ProtoInbox, Sequence[Notification]]:
        """An inbox, and everything in it."""
        request = GetInboxRequest(user_id=user_id)
        read, notifications = await gather(
            self._system.inboxes.GetInbox(request), self._all_of(user_id)
        )
        return read.inbox, notifications

    async def _all_of(self, user_id: str) -> Sequence[Notification]:
        """Everything in an inbox, in as few pages as it takes."""
        request = ListNotificationsRequest(user_id=user_id, page_size=1_000)
        found: list[Notification] = []
        while True:
            page = await self._system.inboxes.ListNotifications(request)
            found += page.notifications
            request.page_token = page.next_page_token
            if not page.next_page_token:
                return found


async def code_of(call: Awaitable[object]) -> grpc.StatusCode:
    """How a call ended."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK
