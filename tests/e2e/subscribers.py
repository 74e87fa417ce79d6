"""Subscribers: they follow an inbox, and open another stream whenever one ends."""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

import grpc
from tocsin.v1.inbox_pb2 import Inbox, Notification, NotificationChange
from tocsin.v1.inbox_service_pb2 import SubscribeRequest, SubscribeResponse
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin_client import AsyncClient

from tests.e2e.calling import INTERRUPTED
from tests.histories.recording import Final, Recorder
from tests.support.marks import mark

if TYPE_CHECKING:
    from tocsin.v1.inbox_service_pb2_grpc import InboxServiceAsyncStub

SNAPSHOT_SIZES = (1_000, 10)
HEARTBEAT_SECONDS = 1
"""After 3.5 silent seconds the client library takes a link for dead."""


class Follower:
    """Records what the server's own streams deliver.

    By its number it stays as long as the stream does, leaves it now and then and resumes from its
    last cursor, from an earlier one, or starts over.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        recorder: Recorder,
        moved: Callable[[], None],
        seed: int,
        number: int,
        user_id: str,
    ) -> None:
        self.stays = False
        """Set, it leaves no stream any more."""
        self.revision = -1
        """The revision that it has reached, by the last cursor."""
        self.user_id = user_id
        self._inboxes: InboxServiceAsyncStub = InboxServiceStub(channel)
        self._recorder = recorder
        self._moved = moved
        self._number = number
        self._random = Random(f"{seed} subscriber {number}")
        self._subscriber = recorder.subscribing(user_id)
        self._cursors = [""]

    async def run(self) -> None:
        """Follows the inbox, stream after stream."""
        while True:
            try:
                await self._follow(self._next_cursor())
            except grpc.aio.AioRpcError as error:
                if error.code() not in INTERRUPTED:
                    raise

    async def _follow(self, cursor: str) -> None:
        """Reads one stream, to its end or until the subscriber leaves it."""
        request = SubscribeRequest(
            user_id=self.user_id,
            cursor=cursor,
            snapshot_size=self._random.choice(SNAPSHOT_SIZES),
        )
        request.heartbeat_interval.FromSeconds(HEARTBEAT_SECONDS)
        stream = self._recorder.opening(self._subscriber, cursor, request.snapshot_size)
        patience = self._random.randint(5, 100)
        call = self._inboxes.Subscribe(request, wait_for_ready=True)
        try:
            while isinstance(response := await call.read(), SubscribeResponse):
                received = self._recorder.received(stream, response)
                if received.cursor:
                    self._cursors.append(received.cursor)
                    self.revision = received.revision
                    self._moved()
                patience -= 1
                if patience <= 0 and self._number % 4 and not self.stays:
                    return
        finally:
            call.cancel()

    def _next_cursor(self) -> str:
        """The next cursor: the last one for two of four, an earlier one, the last or none."""
        if self._number % 4 == 2:
            return self._random.choice(self._cursors[-5:])
        if self._number % 4 == 3 and self._random.random() < 0.5:
            return ""
        return self._cursors[-1]


class Mirror:
    """Builds an inbox by the client library, which proves that nothing is missing."""

    def __init__(self, client: AsyncClient, moved: Callable[[], None], user_id: str) -> None:
        self.user_id = user_id
        self._client = client
        self._moved = moved
        self._inbox = Inbox()
        self._notifications: dict[str, Notification] = {}

    @property
    def revision(self) -> int:
        """The revision that it has reached, by the last counters."""
        return self._inbox.revision

    async def run(self) -> None:
        """Follows the inbox."""
        subscription = self._client.subscribe(
            self.user_id,
            snapshot_size=1_000,
            heartbeat_interval=HEARTBEAT_SECONDS,
            strict=True,
        )
        async for update in subscription:
            if update.starts_over:
                self._notifications.clear()
            for change in update.changes:
                self._apply(change)
            if update.inbox is not None:
                self._inbox = update.inbox
                self._moved()

    def _apply(self, change: NotificationChange) -> None:
        kind = change.WhichOneof("kind")
        if kind == "upserted":
            self._notifications[change.upserted.notification_id] = change.upserted
        elif kind == "removed":
            self._notifications.pop(change.removed, None)
        else:
            for notification in self._notifications.values():
                mark(notification, change.marked)

    def final(self) -> Final:
        """The inbox as it has built it."""
        return Final.held(self._inbox, self._notifications.values())
