"""The machine of views: any calls, any broken streams; a view shows what the server lists."""

import asyncio
from collections.abc import Coroutine
from itertools import count
from typing import Any, TypeVar

import grpc
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tocsin.v1.channel_service_pb2 import DeleteChannelRequest
from tocsin.v1.inbox_pb2 import (
    ChannelCounters,
    Notification,
    NotificationIds,
    NotificationSelector,
)
from tocsin.v1.inbox_service_pb2 import (
    GetInboxRequest,
    ListInboxChannelsRequest,
    ListNotificationsRequest,
    UpdateNotificationsRequest,
)
from tocsin_client import AsyncClient, AsyncSubscription, InboxChange, InboxView

from tests.stateful.system import HISTORY_SECONDS, System
from tests.support.asking import create_request, send_request
from tests.support.waiting import DEADLINE_SECONDS

USERS = ("ann", "bob")
CHANNELS = ("a", "b", "c")
VIEWS = 4
SNAPSHOT_SIZES = [1, 2, 4, 5, 1_000]
"""A page of the system has three rows: some SNAPSHOTs take several responses."""

EXAMPLES = count()

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")

# Uneven, so that much happens to one inbox.
users = st.sampled_from([*USERS[:1] * 4, *USERS])
channels = st.sampled_from(CHANNELS)
sizes = st.sampled_from(SNAPSHOT_SIZES)
places = st.integers(0, 30)
# How many revisions ago a program last looked.
backs = st.sampled_from([0, 1, 1, 2, 3, 5])
wishes = st.sampled_from(
    [(True, None), (True, None), (False, None), (None, True), (None, False), (False, True)]
)


class Viewer:
    """A view, the subscription that feeds it, and what it returned to a program that looks at it."""

    def __init__(self, system: System, client: AsyncClient, user_id: str, size: int) -> None:
        self.view = InboxView()
        self.user_id = user_id
        self._system = system
        self._client = client
        self._size = size
        self._cursor = ""
        self._subscription: AsyncSubscription | None = None
        self._mirror: dict[str, Notification] = {}
        self._returned: list[tuple[Notification, bytes]] = []

    async def read(self, most: int) -> None:
        """Applies at most `most` updates, until there are no more."""
        head = await self._system.inboxes.GetInbox(GetInboxRequest(user_id=self.user_id))
        if self._subscription is None:
            self._subscription = self._client.subscribe(
                self.user_id, cursor=self._cursor, snapshot_size=self._size, strict=True
            )
        for _ in range(most):
            if self.view.caught_up and self.view.revision == head.inbox.revision:
                break
            before = self.view.revision, self.view.notifications, self.view.channels
            async with asyncio.timeout(DEADLINE_SECONDS):
                update = await anext(self._subscription)
            change = self.view.apply(update)
            self._cursor = self._subscription.cursor
            if change is None:
                assert (self.view.revision, self.view.notifications, self.view.channels) == before
            else:
                self._follow(change)
        if self.view.caught_up and self.view.revision == head.inbox.revision:
            await self._judge()

    async def leave(self, size: int | None) -> None:
        """Ends the stream; the next goes on from the cursor, or starts over at a size."""
        if self._subscription is not None:
            await self._subscription.aclose()
            self._subscription = None
        if size is not None:
            self._cursor, self._size = "", size

    def _follow(self, change: InboxChange) -> None:
        """The reported changes lead from the state shown before to the state shown."""
        for notification in change.arrived:
            assert notification.notification_id not in self._mirror
            self._mirror[notification.notification_id] = notification
        for notification in change.changed:
            assert self._mirror.get(notification.notification_id) not in [None, notification]
            self._mirror[notification.notification_id] = notification
        for notification in change.removed:
            assert self._mirror.pop(notification.notification_id, None) == notification
        assert self._mirror == {each.notification_id: each for each in self.view.notifications}
        self._returned += [(each, each.SerializeToString()) for each in self.view.notifications]

    async def _judge(self) -> None:
        """The view shows what the server lists, and counts."""
        view, inboxes = self.view, self._system.inboxes
        head = await inboxes.GetInbox(GetInboxRequest(user_id=self.user_id))
        rows = await inboxes.ListNotifications(
            ListNotificationsRequest(user_id=self.user_id, page_size=1_000)
        )
        listed = await inboxes.ListInboxChannels(ListInboxChannelsRequest(user_id=self.user_id))
        assert list(view.notifications) == [
            row for row in rows.notifications if row.arrive_revision >= view.floor
        ]
        assert view.inbox == head.inbox
        assert view.channels == {
            each.channel.channel_id: ChannelCounters(
                channel_id=each.channel.channel_id,
                total_count=each.total_count,
                unread_count=each.unread_count,
                unseen_count=each.unseen_count,
            )
            for each in listed.inbox_channels
        }
        assert all(view.get(each.notification_id) is each for each in view.notifications)
        assert all(
            notification.SerializeToString() == before for notification, before in self._returned
        )


class ViewMachine(RuleBasedStateMachine):
    """One example: users and channels of its own, on the store that all examples share."""

    def __init__(self, system: System, client: AsyncClient) -> None:
        super().__init__()
        self._system = system
        self._client = client
        self._prefix = f"v{next(EXAMPLES)}-"
        self._viewers: list[Viewer] = []
        self._sound = True

    @initialize(sent=st.integers(0, 6), size=sizes)
    def begin(self, sent: int, size: int) -> None:
        """Channels are there, perhaps some messages, and a program that looks."""
        for channel_id in CHANNELS:
            self.create_channel(channel_id)
        for _ in range(sent):
            self.send(CHANNELS[0], [USERS[0]])
        self.look(USERS[0], size, 1)

    @rule(channel_id=channels, names=st.lists(users, min_size=1, max_size=2, unique=True))
    def send(self, channel_id: str, names: list[str]) -> None:
        request = send_request(
            *(self._prefix + name for name in names), channel_id=self._prefix + channel_id
        )
        self._do(self._ask(self._system.messages.SendMessage, request))

    @rule(name=users, channel_ids=st.lists(channels, max_size=2), back=backs, wish=wishes)
    def mark(
        self, name: str, channel_ids: list[str], back: int, wish: tuple[bool | None, bool | None]
    ) -> None:
        """Marks the arrivals up to some revisions ago, of some channels or of all."""
        self._do(self._mark(self._prefix + name, channel_ids, back, wish))

    @rule(name=users, chosen=st.lists(places, min_size=1, max_size=3), wish=wishes)
    def mark_some(
        self, name: str, chosen: list[int], wish: tuple[bool | None, bool | None]
    ) -> None:
        """Marks notifications by their places in the list."""
        self._do(self._mark_some(self._prefix + name, chosen, wish))

    @rule(channel_id=channels)
    def delete_channel(self, channel_id: str) -> None:
        request = DeleteChannelRequest(channel_id=self._prefix + channel_id, force=True)
        self._do(self._ask(self._system.channels.DeleteChannel, request))

    @rule(channel_id=channels)
    def create_channel(self, channel_id: str) -> None:
        request = create_request(self._prefix + channel_id)
        self._do(self._ask(self._system.channels.CreateChannel, request))

    @rule()
    def work(self) -> None:
        """One step of a deletion."""
        self._do(self._system.work())

    @rule()
    def prune(self) -> None:
        """Every cursor so far becomes too old."""
        self._system.clock.advance(HISTORY_SECONDS + 1.0)
        self._do(self._system.prune())

    @precondition(lambda self: len(self._viewers) < VIEWS)
    @rule(name=users, size=sizes, most=st.integers(0, 2))
    def look(self, name: str, size: int, most: int) -> None:
        """Another view, which is read a little."""
        viewer = Viewer(self._system, self._client, self._prefix + name, size)
        self._viewers.append(viewer)
        self._do(viewer.read(most))

    @rule(chosen=places, most=st.sampled_from([1, 1, 2, 1_000, 1_000]))
    def read(self, chosen: int, most: int) -> None:
        """A view is read, perhaps into the middle of a SNAPSHOT or REPLAY."""
        self._do(self._viewer(chosen).read(most))

    @rule(chosen=places, size=st.none() | sizes, most=st.integers(0, 2))
    def break_off(self, chosen: int, size: int | None, most: int) -> None:
        """A stream ends; another goes on, or starts over."""
        self._do(self._viewer(chosen).leave(size))
        self._do(self._viewer(chosen).read(most))

    def teardown(self) -> None:
        """Ends the example: every view is read to its end."""
        try:
            while self._system.run(self._system.work()):
                pass
            if self._sound:
                for viewer in self._viewers:
                    self._do(viewer.read(1_000))
        finally:
            for viewer in self._viewers:
                self._system.run(viewer.leave(None))

    def _do(self, step: Coroutine[Any, Any, object]) -> None:
        self._sound = False
        self._system.run(step)
        self._sound = True

    async def _ask(
        self, method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response], request: _Request
    ) -> None:
        """Calls; a channel that is there, or is not, is no matter here."""
        assert await method(request).code() in {
            grpc.StatusCode.OK,
            grpc.StatusCode.ALREADY_EXISTS,
            grpc.StatusCode.FAILED_PRECONDITION,
            grpc.StatusCode.NOT_FOUND,
        }

    async def _mark(
        self,
        user_id: str,
        channel_ids: list[str],
        back: int,
        wish: tuple[bool | None, bool | None],
    ) -> None:
        head = await self._system.inboxes.GetInbox(GetInboxRequest(user_id=user_id))
        selector = NotificationSelector(up_to_revision=max(0, head.inbox.revision - back))
        if channel_ids:
            named = (self._prefix + channel_id for channel_id in channel_ids)
            selector.channel_ids.channel_ids.extend(named)
        else:
            selector.all = True
        await self._update(user_id, selector, wish)

    async def _mark_some(
        self, user_id: str, chosen: list[int], wish: tuple[bool | None, bool | None]
    ) -> None:
        rows = await self._system.inboxes.ListNotifications(
            ListNotificationsRequest(user_id=user_id, page_size=1_000)
        )
        names = [row.notification_id for row in rows.notifications] or ["nobody's"]
        named = {names[place % len(names)] for place in chosen}
        selector = NotificationSelector(ids=NotificationIds(notification_ids=sorted(named)))
        await self._update(user_id, selector, wish)

    async def _update(
        self,
        user_id: str,
        selector: NotificationSelector,
        wish: tuple[bool | None, bool | None],
    ) -> None:
        read, seen = wish
        self._system.clock.advance(1.0)
        await self._system.inboxes.UpdateNotifications(
            UpdateNotificationsRequest(user_id=user_id, selector=selector, read=read, seen=seen)
        )

    def _viewer(self, chosen: int) -> Viewer:
        return self._viewers[chosen % len(self._viewers)]


def views_of(system: System, client: AsyncClient) -> type[ViewMachine]:
    """Returns a machine that Hypothesis can make: all of them share a system and a client."""

    class Bound(ViewMachine):
        def __init__(self) -> None:
            super().__init__(system, client)

    return Bound
