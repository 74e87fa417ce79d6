"""Senders and subscribers that go on whatever the server does, and all that they record."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import grpc
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.channel_service_pb2 import CreateChannelRequest
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub
from tocsin.v1.inbox_service_pb2 import GetInboxRequest, ListNotificationsRequest
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin_client import AsyncClient

if TYPE_CHECKING:
    from tocsin.v1.inbox_pb2 import Notification

from tests.e2e.calling import CALL_SECONDS, connect
from tests.e2e.milestones import Milestones
from tests.e2e.senders import CHANNELS, USERS, Sender
from tests.e2e.subscribers import Follower, Mirror
from tests.histories.recording import Final, History, Recorder

SENDERS = 8
CONNECTIONS = 4
"""Over how many connections the subscribers spread."""


class Traffic:
    """8 senders, half of them in batches, and 20 subscribers of 20 users; all by a seed.

    Two users are mirrored by the client library besides.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        streams: list[grpc.aio.Channel],
        client: AsyncClient,
        seed: int,
    ) -> None:
        self._recorder = Recorder()
        self._milestones = Milestones()
        self._inboxes = InboxServiceStub(channel)
        moved = self._milestones.moved
        self._senders = [
            Sender(channel, self._recorder, moved, seed, number) for number in range(SENDERS)
        ]
        self._followers = [
            Follower(streams[number % len(streams)], self._recorder, moved, seed, number, user_id)
            for number, user_id in enumerate(USERS)
        ]
        self.mirrors = [Mirror(client, moved, user_id) for user_id in USERS[:2]]

    @property
    def history(self) -> History:
        """What happened so far."""
        return self._recorder.history

    async def run(self) -> None:
        """Sends and follows, until it is cancelled or something fails for good."""
        async with asyncio.TaskGroup() as group:
            self._sending = [group.create_task(sender.run()) for sender in self._senders]
            for follower in self._followers:
                group.create_task(follower.run())
            for mirror in self.mirrors:
                group.create_task(mirror.run())

    async def go_on(self, sends: int, seconds: float) -> None:
        """Returns when so many more sends are acknowledged."""
        enough = self._recorder.acknowledged + sends
        await self._milestones.reach(lambda: self._recorder.acknowledged >= enough, seconds)

    async def finish(self, seconds: float) -> None:
        """Ends the sends, lets every subscriber catch up, and reads what there is in the end."""
        for sender in self._senders:
            sender.enough = True
        for follower in self._followers:
            follower.stays = True
        async with asyncio.timeout(seconds):
            await asyncio.gather(*self._sending)
        finals = {user_id: await self._read_final(user_id) for user_id in USERS}
        heads = [finals[user_id].revision for user_id in USERS]
        mirrored = [finals[mirror.user_id].revision for mirror in self.mirrors]
        await self._milestones.reach(
            lambda: (
                [follower.revision for follower in self._followers] == heads
                and [mirror.revision for mirror in self.mirrors] == mirrored
            ),
            seconds,
        )
        for user_id, final in finals.items():
            self._recorder.ended(user_id, final)

    async def _read_final(self, user_id: str) -> Final:
        head = await self._inboxes.GetInbox(
            GetInboxRequest(user_id=user_id), wait_for_ready=True, timeout=CALL_SECONDS
        )
        notifications: list[Notification] = []
        request = ListNotificationsRequest(user_id=user_id, page_size=1_000)
        while True:
            page = await self._inboxes.ListNotifications(
                request, wait_for_ready=True, timeout=CALL_SECONDS
            )
            notifications += page.notifications
            request.page_token = page.next_page_token
            if not page.next_page_token:
                return Final.of(head.inbox, notifications)


@asynccontextmanager
async def flowing(target: str, seed: int) -> AsyncIterator[Traffic]:
    """Traffic that flows while the context lasts, to a server that is up when it begins."""
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(connect(target))
        for channel_id in CHANNELS:
            create = CreateChannelRequest(channel=Channel(channel_id=channel_id, title=channel_id))
            await ChannelServiceStub(channel).CreateChannel(
                create, wait_for_ready=True, timeout=CALL_SECONDS
            )
        streams = [await stack.enter_async_context(connect(target)) for _ in range(CONNECTIONS)]
        client = await stack.enter_async_context(AsyncClient(target))
        traffic = Traffic(channel, streams, client, seed)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        running = group.create_task(traffic.run())
        try:
            yield traffic
        finally:
            running.cancel()
