"""Senders, markers and subscribers that survive the server's ends, and their record."""

import asyncio
from collections.abc import AsyncIterator, Sequence
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
from tests.e2e.campaigns import Campaigns
from tests.e2e.markers import Marker
from tests.e2e.milestones import Milestones
from tests.e2e.senders import CHANNELS, USERS, LibrarySender, RawSender, Sender
from tests.e2e.subscribers import Follower, Mirror
from tests.histories.recording import Final, History, Recorder

SENDERS = 8
MARKERS = 4
CAMPAIGN_SECONDS = 240.0
"""How long a campaign may take, and the deletions that are left in the end."""
CONNECTIONS = 4
"""Over how many connections the subscribers spread."""


class Traffic:
    """8 senders, half of them in batches, and 20 subscribers of 20 users; all by a seed.

    Four mark what is in the inboxes, and now and then a channel is deleted with all that it has.
    Subscribers record what the server's own streams deliver, or mirror it by the client library.
    """

    def __init__(self, channel: grpc.aio.Channel, seed: int) -> None:
        self.mirrors: list[Mirror] = []
        self._recorder = Recorder()
        self._milestones = Milestones()
        self._seed = seed
        self._channel = channel
        self._inboxes = InboxServiceStub(channel)
        moved = self._milestones.moved
        self._campaigns = Campaigns(channel, self._recorder, self._milestones, CAMPAIGN_SECONDS)
        self._writers: list[Sender | Marker | Campaigns] = [
            self._campaigns,
            *(Marker(channel, self._recorder, moved, seed, number) for number in range(MARKERS)),
        ]
        self._followers: list[Follower] = []

    def send(self, client: AsyncClient | None) -> None:
        """Has 8 senders, by the client library when there is one."""
        for number in range(SENDERS):
            rest = (self._recorder, self._milestones.moved, self._seed, number, self._campaigns)
            sender = LibrarySender(client, *rest) if client else RawSender(self._channel, *rest)
            self._writers.append(sender)

    def follow(self, streams: Sequence[grpc.aio.Channel]) -> None:
        """Has a subscriber a user, who records."""
        for number, user_id in enumerate(USERS):
            rest = (self._recorder, self._milestones.moved, self._seed, number, user_id)
            self._followers.append(Follower(streams[number % len(streams)], *rest))

    def mirror(self, client: AsyncClient, users: Sequence[str]) -> None:
        """Has a subscriber for each of these users, who mirrors."""
        self.mirrors += [Mirror(client, self._milestones.moved, user_id) for user_id in users]

    @property
    def history(self) -> History:
        """What happened so far."""
        return self._recorder.history

    async def run(self) -> None:
        """Writes and follows, until it is cancelled or something fails for good."""
        async with asyncio.TaskGroup() as group:
            self._writing = [group.create_task(writer.run()) for writer in self._writers]
            for follower in self._followers:
                group.create_task(follower.run())
            for mirror in self.mirrors:
                group.create_task(mirror.run())

    async def go_on(self, sends: int, seconds: float) -> None:
        """Returns when `sends` more sends are acknowledged."""
        enough = self._recorder.acknowledged + sends
        await self._milestones.reach(lambda: self._recorder.acknowledged >= enough, seconds)

    async def finish(self, seconds: float) -> None:
        """Ends all writes, lets every subscriber catch up, and reads what there is in the end."""
        for writer in self._writers:
            writer.enough = True
        self._milestones.moved()
        for follower in self._followers:
            follower.stays = True
        async with asyncio.timeout(seconds):
            await asyncio.gather(*self._writing)
        finals = {user_id: await self._read_final(user_id) for user_id in USERS}
        subscribers: list[Follower | Mirror] = [*self._followers, *self.mirrors]
        await self._milestones.reach(
            lambda: all(each.revision == finals[each.user_id].revision for each in subscribers),
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
async def flowing(
    target: str,
    seed: int,
    *,
    followed_by: str = "",
    mirrored_by: str = "",
    by_library: bool = False,
) -> AsyncIterator[Traffic]:
    """Traffic that flows while the context lasts, to a server that is up when it begins.

    Subscribers record, and two users are mirrored besides; `by_library`, the client library does
    it all, and every user is mirrored. Links may stand between the server and either.
    """
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(connect(target))
        for channel_id in CHANNELS:
            create = CreateChannelRequest(channel=Channel(channel_id=channel_id, title=channel_id))
            await ChannelServiceStub(channel).CreateChannel(
                create, wait_for_ready=True, timeout=CALL_SECONDS
            )
        client = await stack.enter_async_context(AsyncClient(mirrored_by or target))
        traffic = Traffic(channel, seed)
        traffic.send(client if by_library else None)
        traffic.mirror(client, USERS if by_library else USERS[:2])
        if not by_library:
            streams = [connect(followed_by or target) for _ in range(CONNECTIONS)]
            traffic.follow([await stack.enter_async_context(stream) for stream in streams])
        group = await stack.enter_async_context(asyncio.TaskGroup())
        running = group.create_task(traffic.run())
        try:
            yield traffic
        finally:
            running.cancel()
