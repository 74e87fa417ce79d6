"""Markers: each mark is repeated, with the same request id, until it is answered."""

from collections.abc import Callable
from itertools import count
from random import Random
from typing import TYPE_CHECKING

import grpc
from tocsin.v1.inbox_pb2 import NotificationSelector
from tocsin.v1.inbox_service_pb2 import ListNotificationsRequest, UpdateNotificationsRequest
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub

from tests.e2e.calling import CALL_SECONDS, until_known
from tests.e2e.senders import CHANNELS, USERS
from tests.histories.recording import Marked, Marking, Recorder

if TYPE_CHECKING:
    from tocsin.v1.inbox_service_pb2_grpc import InboxServiceAsyncStub

WISHES = ((True, None), (True, None), (False, None), (None, True), (None, False), (False, True))
"""The state that a mark sets: read, and seen."""


class Marker:
    """Lists one inbox after the other, and marks some of its notifications."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        recorder: Recorder,
        moved: Callable[[], None],
        seed: int,
        number: int,
    ) -> None:
        self.enough = False
        """Set, it ends with the mark under way."""
        self._inboxes: InboxServiceAsyncStub = InboxServiceStub(channel)
        self._recorder = recorder
        self._moved = moved
        self._number = number
        self._random = Random(f"{seed} marker {number}")

    async def run(self) -> None:
        """Marks, again and again, each time until it is answered."""
        for turn in count():
            if self.enough:
                return
            user_id = self._random.choice(USERS)
            request = UpdateNotificationsRequest(
                user_id=user_id,
                selector=await self._select(user_id),
                request_id=f"marker-{self._number}-{turn}",
            )
            read, seen = self._random.choice(WISHES)
            if read is not None:
                request.read = read
            if seen is not None:
                request.seen = seen
            self._recorder.marking(_marking(request))
            # A repeat of what was answered, now and then, changes nothing.
            for _ in range(2 if self._random.random() < 0.1 else 1):
                await self._mark(request)

    async def _select(self, user_id: str) -> NotificationSelector:
        """Of three marks one is of ids, one of channels, one of all."""
        listing = ListNotificationsRequest(user_id=user_id, page_size=20)
        page = await until_known(
            lambda: self._inboxes.ListNotifications(
                listing, wait_for_ready=True, timeout=CALL_SECONDS
            )
        )
        shown = page.notifications
        kind = self._random.randrange(3)
        selector = NotificationSelector()
        if kind == 0 and shown:
            some = self._random.choices(shown, k=self._random.randint(1, 4))
            selector.ids.notification_ids.extend(each.notification_id for each in some)
            return selector
        if kind == 1:
            selector.channel_ids.channel_ids.append(self._random.choice(CHANNELS))
        else:
            selector.all = True
        if shown and self._random.random() < 0.7:
            selector.up_to_revision = self._random.choice(shown).arrive_revision
        return selector

    async def _mark(self, request: UpdateNotificationsRequest) -> None:
        response = await until_known(
            lambda: self._inboxes.UpdateNotifications(
                request, wait_for_ready=True, timeout=CALL_SECONDS
            )
        )
        self._recorder.marked(request.request_id, response)
        self._moved()


def _marking(request: UpdateNotificationsRequest) -> Marking:
    selector = request.selector
    return Marking(
        request.request_id,
        request.user_id,
        tuple(selector.ids.notification_ids),
        Marked(
            tuple(selector.channel_ids.channel_ids),
            selector.up_to_revision,
            request.read if request.HasField("read") else None,
            request.seen if request.HasField("seen") else None,
        ),
    )
